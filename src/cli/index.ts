/** The commands of `codegenapp`: one a file, loaded when called for. */
export interface CliCommand {
  usage: string;
  says: string;
  /** All that it takes, where it does not look at its arguments itself. */
  takes?: string[];
  /** @returns the exit code */
  run(args: string[]): Promise<number>;
}

export const commands: Record<string, CliCommand> = {
  start: {
    usage: '[--no-worker]',
    says: 'Runs the server: web and worker, or the web alone.',
    takes: ['--no-worker'],
    run: async (args) => {
      const { startProcess } = await import('../start-process.js');
      await startProcess({ web: true, worker: !args.includes('--no-worker') });
      return 0;
    },
  },
  worker: {
    usage: '',
    says: 'Runs a worker without web.',
    takes: [],
    run: async () => {
      const { startProcess } = await import('../start-process.js');
      await startProcess({ web: false, worker: true });
      return 0;
    },
  },
  validate: {
    usage: '[DIR] [--base main] [--head HEAD] [--json FILE]',
    says: 'Runs the pipeline on a local repository. Exit code: 0 passed, 1 failed, 2 could not run.',
    run: async (args) => (await import('./validate.js')).validateCommand(args),
  },
  demo: {
    usage: '',
    says: 'Validates the two pull requests of the bundled sample repository.',
    takes: [],
    run: async () => (await import('./demo.js')).demoCommand(),
  },
  doctor: {
    usage: '',
    says: 'Checks settings, credentials, permissions, database, git, sandbox, browser and services, and says what to do.',
    takes: [],
    run: async () => {
      (await import('../config.js')).loadEnvFile();
      return (await import('./doctor.js')).doctorCommand();
    },
  },
  migrate: {
    usage: '[--rollback]',
    says: 'Brings the database up to date, or undoes its last migration.',
    takes: ['--rollback'],
    run: async (args) => (await import('./migrate.js')).migrateCommand(args),
  },
};
