// The platform packages: one npm package for each platform that holds nothing but a built addon, without any script. npm
// installs the one whose os, cpu and libc fit, because the published qrkd names them all as optional dependencies.
// (The checkout does not: `npm ci` needs every entry of package.json in the registry, and a release comes later.)

/** Node's platform and architecture, and the C library, of each package @qrkd/NAME. */
export const PLATFORMS = {
  'linux-x64': { os: 'linux', cpu: 'x64', libc: 'glibc' },
  'linux-arm64': { os: 'linux', cpu: 'arm64', libc: 'glibc' },
  'linuxmusl-x64': { os: 'linux', cpu: 'x64', libc: 'musl' },
  'linuxmusl-arm64': { os: 'linux', cpu: 'arm64', libc: 'musl' },
  'darwin-x64': { os: 'darwin', cpu: 'x64' },
  'darwin-arm64': { os: 'darwin', cpu: 'arm64' },
};

/**
 * Modules that may hold an addon for this process, to be tried in order. Both C libraries of Linux are named: npm
 * installs only one, and the other's binary does not load.
 */
export function platformModules({ platform, arch } = process) {
  return Object.entries(PLATFORMS)
    .filter(([, { os, cpu }]) => os === platform && cpu === arch)
    .map(([name]) => `@qrkd/${name}/qrkd.node`);
}

/** package.json of a platform package that belongs to the main package with `manifest`. */
export function platformManifest(name, { version, license, engines }) {
  const { os, cpu, libc } = PLATFORMS[name];
  return {
    name: `@qrkd/${name}`,
    version,
    description: `The native addon of qrkd for ${name}; installed by qrkd where it fits`,
    license,
    preferUnplugged: true,
    engines,
    os: [os],
    cpu: [cpu],
    ...(libc && { libc: [libc] }),
    files: ['qrkd.node'],
    exports: { './qrkd.node': './qrkd.node', './package.json': './package.json' },
    publishConfig: { access: 'public' },
  };
}

/** `manifest` with the platform packages `names` as optional dependencies of exactly its version. */
export function withPlatforms(manifest, names) {
  const own = Object.fromEntries([...names].sort().map((name) => [`@qrkd/${name}`, manifest.version]));
  return { ...manifest, optionalDependencies: { ...own, ...manifest.optionalDependencies } };
}
