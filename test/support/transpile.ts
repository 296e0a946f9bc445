import { mkdir, readFile, readdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import ts from 'typescript';

/**
 * Makes folders of src/ runnable by a plain `node` process, under `target`/src; packages resolve as in this
 * checkout. For tests that kill the process they look at.
 */
export async function transpile(folders: string[], target: string): Promise<void> {
  await mkdir(target, { recursive: true });
  await writeFile(join(target, 'package.json'), '{"type":"module"}');
  await symlink(join(process.cwd(), 'node_modules'), join(target, 'node_modules'));
  for (const folder of folders) {
    const names = (await readdir(join('src', folder))).filter((name) => name.endsWith('.ts'));
    for (const name of names) {
      const { outputText } = ts.transpileModule(await readFile(join('src', folder, name), 'utf8'), {
        compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 },
      });
      const file = join(target, 'src', folder, name.replace(/\.ts$/, '.js'));
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, outputText);
    }
  }
}
