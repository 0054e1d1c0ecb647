import { Command, CommanderError } from 'commander';
import { isUserError, suggest } from '../errors.js';
import { packageVersion } from '../version.js';

interface Entry {
  /** One line for `qrkd --help`. */
  summary: string;
  /** Loaded only when the command is used, so that help and `doctor` work even where the addon or TensorFlow does not. */
  load: () => Promise<Command>;
}

const COMMANDS: Record<string, Entry> = {
  demo: {
    summary: 'from real digits to a checked student.onnx, with every method of the paper',
    load: async () => (await import('./demo.js')).demoCommand(),
  },
  distill: {
    summary: 'a study of your own, from one configuration file',
    load: async () => (await import('./distill.js')).distillCommand(),
  },
  reproduce: {
    summary: "the paper's table on a set of images or texts, tuned, over seeds",
    load: async () => (await import('./reproduce.js')).reproduceCommand(),
  },
  sweep: {
    summary: 'the same study for several values of a key of its configuration',
    load: async () => (await import('./sweep.js')).sweepCommand(),
  },
  data: {
    summary: 'published data sets: what there is, fetch them, check them',
    load: async () => (await import('./data.js')).dataCommand(),
  },
  kernel: {
    summary: 'the fidelity kernel matrix of the samples in a .npy or .csv file',
    load: async () => (await import('./kernel.js')).kernelCommand(),
  },
  tune: {
    summary: 'the bandwidth at which a kernel tells most about the samples in a file',
    load: async () => (await import('./tune.js')).tuneCommand(),
  },
  inspect: {
    summary: 'what a kernel matrix in a file can tell, and how many shots it takes to read it',
    load: async () => (await import('./inspect.js')).inspectCommand(),
  },
  draw: {
    summary: 'the circuit of a feature map as text, SVG or OpenQASM',
    load: async () => (await import('./draw.js')).drawCommand(),
  },
  export: {
    summary: 'a saved tf.LayersModel or GPT-2 as an ONNX file',
    load: async () => (await import('./export.js')).exportCommand(),
  },
  verify: {
    summary: 'an ONNX file against the saved model that it came from',
    load: async () => (await import('./verify.js')).verifyCommand(),
  },
  bench: {
    summary: 'how fast the kernels and losses run on this machine',
    load: async () => (await import('./bench.js')).benchCommand(),
  },
  doctor: {
    summary: 'what was found on this machine, and what to do about what is missing',
    load: async () => (await import('./doctor.js')).doctorCommand(),
  },
};

/** The program with every command by name and summary, and only the one that is about to run with its options. */
async function program(wanted: string | undefined): Promise<Command> {
  const root = new Command('qrkd')
    .description('Quantum relational knowledge distillation')
    .version(packageVersion())
    // Commander puts "(Did you mean ...?)" on a line of its own.
    .configureOutput({
      outputError: (text, write) =>
        write(
          `${text
            .trim()
            .replace(/^error: /, 'qrkd: ')
            .replace(/\s*\n\s*/g, ' ')}\n`,
        ),
    })
    .exitOverride();
  for (const [name, { summary, load }] of Object.entries(COMMANDS)) {
    root.addCommand(
      name === wanted ? adopt(await load(), root) : new Command(name).summary(summary).description(summary),
    );
  }
  // bin/qrkd.mjs runs a plain `qrkd setup` before anything is built; here it is for the help and for wrong arguments.
  root.command('setup').description("complete this installation: the addon and TensorFlow's libraries");
  return root;
}

/** Gives a command, and those below it, the program's way of ending. */
function adopt(command: Command, parent: Command): Command {
  command.copyInheritedSettings(parent);
  for (const child of command.commands) adopt(child, command);
  return command;
}

/**
 * Runs one command line (without node and script). Sets the exit code: 2 for bad usage or bad data, 1 for what went wrong
 * outside. Errors are one line on stderr; QRKD_DEBUG=1 adds the stack.
 */
export async function main(argv: string[]): Promise<void> {
  // `qrkd kernel | head` closes our stdout early; that is not an error.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit(0);
  });
  // Messages with nobody to read them are no reason to stop; unheard, the error would come back through `fail` for ever.
  process.stderr.on('error', () => undefined);
  process.on('uncaughtException', fail);
  try {
    const given = argv[0] === 'help' && argv[1] ? [argv[1], '--help'] : argv;
    const wanted = given[0];
    if (wanted !== undefined && !wanted.startsWith('-') && !(wanted in COMMANDS) && wanted !== 'help') {
      if (wanted !== 'setup')
        usage(`unknown command "${wanted}"${suggest(wanted, [...Object.keys(COMMANDS), 'setup'])}`);
    }
    const root = await program(wanted);
    if (given.length === 0) root.help({ error: true });
    await root.parseAsync(given, { from: 'user' });
  } catch (error) {
    fail(error);
  }
}

function usage(message: string): never {
  process.stderr.write(`qrkd: ${message}\n`);
  throw new CommanderError(2, 'qrkd.usage', message);
}

const SYSTEM_ERRORS: Record<string, string> = {
  EACCES: 'permission denied',
  ENOENT: 'the folder does not exist',
  ENOSPC: 'the disk is full',
  ENOTDIR: 'a part of the path is a file, not a folder',
  EROFS: 'the file system is read-only',
};

/** Failed file operations in words; undefined for anything else. */
function systemMessage(error: unknown): string | undefined {
  const { code, path } = Object(error) as NodeJS.ErrnoException;
  // Names like X.npy.1247087515 or X.npy.partial are those under which files are written before they are renamed.
  const named = path?.replace(/\.(\d{6,}|partial|journal)$/, '');
  return named && SYSTEM_ERRORS[code ?? ''] && `${named}: ${SYSTEM_ERRORS[code ?? '']}`;
}

function fail(error: unknown): void {
  if (error instanceof CommanderError) {
    // Commander has already written its message, or the help that was asked for.
    process.exitCode = error.exitCode === 0 ? 0 : 2;
    return;
  }
  const { message, stack, code } = Object(error) as { message?: string; stack?: string; code?: string };
  process.stderr.write(`qrkd: ${systemMessage(error) ?? String(message ?? error).replace(/\s*\n\s*/g, ' ')}\n`);
  if (process.env.QRKD_DEBUG && stack) process.stderr.write(`${stack}\n`);
  // A missing addon is a fault of the installation, not of the command line.
  process.exitCode = isUserError(error) && code !== 'ERR_QRKD_ADDON' ? 2 : 1;
}
