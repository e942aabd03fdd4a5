import { resolve } from 'node:path'
import { buildSync } from 'esbuild'

/**
 * Makes one file of JavaScript of each program, which holds what it imports of this repository: it starts in a third of the time.
 * @param folder of all programs; `a/b.ts` becomes `a/b.mjs`
 */
export function bundle(programs: readonly string[], folder: string, outdir = folder): void {
  buildSync({
    absWorkingDir: resolve(import.meta.dirname, '..'),
    entryPoints: [...programs],
    outdir,
    outbase: folder,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    splitting: true,
    platform: 'node',
    target: 'node20',
    format: 'esm',
    packages: 'external',
    sourcemap: 'linked',
  })
}
