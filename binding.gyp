# Fallback for machines without CMake: the same sources (native/sources.json) with the same flags as CMakeLists.txt.
{
  "variables": {
    "optimised": ["-O3", "-std=c++17", "-Wall", "-Wextra", "-fno-math-errno", "-fno-trapping-math", "-fvisibility=hidden"]
  },
  "target_defaults": {
    "cflags_cc": ["<@(optimised)"],
    "cflags_cc!": ["-fno-exceptions"],
    "xcode_settings": {
      "GCC_ENABLE_CPP_EXCEPTIONS": "YES",
      "CLANG_CXX_LANGUAGE_STANDARD": "c++17",
      "OTHER_CPLUSPLUSFLAGS": ["<@(optimised)"]
    }
  },
  "targets": [
    {
      "target_name": "qrkd_core",
      "type": "static_library",
      "sources": ["<!@(node -p \"require('./native/sources.json').core.join(' ')\")"]
    },
    {
      "target_name": "qrkd_scalar",
      "type": "static_library",
      "sources": ["<!@(node -p \"require('./native/sources.json').scalar.join(' ')\")"],
      "cflags_cc": ["-ffp-contract=off"]
    },
    {
      "target_name": "qrkd",
      "dependencies": ["qrkd_core", "qrkd_scalar"],
      "sources": ["<!@(node -p \"require('./native/sources.json').addon.join(' ')\")"],
      "include_dirs": ["<!(node -p \"require('node-addon-api').include_dir\")"],
      "defines": ["NAPI_VERSION=8", "NODE_ADDON_API_CPP_EXCEPTIONS"],
      "conditions": [
        ["target_arch=='x64'", {"dependencies": ["qrkd_avx2", "qrkd_avx512"]}],
        ["target_arch=='arm64'", {"dependencies": ["qrkd_neon"]}]
      ]
    }
  ],
  "conditions": [
    [
      "target_arch=='x64'",
      {
        "targets": [
          {
            "target_name": "qrkd_avx2",
            "type": "static_library",
            "sources": ["<!@(node -p \"require('./native/sources.json').avx2.join(' ')\")"],
            "cflags_cc": ["-mavx2", "-mfma"]
          },
          {
            "target_name": "qrkd_avx512",
            "type": "static_library",
            "sources": ["<!@(node -p \"require('./native/sources.json').avx512.join(' ')\")"],
            "cflags_cc": ["-mavx512f", "-mavx2", "-mfma", "-mprefer-vector-width=512", "-Wno-maybe-uninitialized"]
          }
        ]
      }
    ],
    [
      "target_arch=='arm64'",
      {
        "targets": [
          {
            "target_name": "qrkd_neon",
            "type": "static_library",
            "sources": ["<!@(node -p \"require('./native/sources.json').neon.join(' ')\")"]
          }
        ]
      }
    ]
  ]
}
