// npm run build  lib/ → dist/: the code once, as CommonJS; a module for `import` and one for `require`; declarations for both.
import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { type BuildOptions, buildSync } from 'esbuild'

const root = import.meta.dirname
const dist = resolve(process.argv[2] ?? join(root, 'dist'))

/** Node 20 spends a quarter of a second on two hundred small modules, and 30 ms on one file. */
const shared: BuildOptions = {
  absWorkingDir: root,
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'cjs',
  packages: 'external',
  sourcemap: 'linked',
  sourcesContent: true,
  // CommonJS has no import.meta.
  define: { 'import.meta.url': 'moduleUrl' },
  banner: { js: "const moduleUrl = require('node:url').pathToFileURL(__filename).href;" },
}

/** Public entry points that share one state: the clock of the process, the clients, the classes of errors. */
const entries = ['index']

rmSync(dist, { recursive: true, force: true })
execFileSync('npx', ['tsc', '-p', 'tsconfig.build.json', '--outDir', dist], { cwd: root, stdio: 'inherit' })
const contents = entries.map(name => `export * as ${name} from './lib/${name}.ts'`).join('\n')
buildSync({ ...shared, stdin: { contents, resolveDir: root }, outfile: join(dist, 'main.cjs') })
for (const name of entries)
  writeEntry(name, `const { ${name} } = require('./main.cjs')\n\nmodule.exports = ${name}\n`)
buildSync({ ...shared, entryPoints: ['lib/testing/index.ts'], outfile: join(dist, 'testing', 'main.cjs') })
writeEntry('testing/index', "module.exports = require('./main.cjs')\n")
for (const name of readdirSync(join(root, 'lib', 'testing')).filter(name => name.endsWith('.xml')))
  copyFileSync(join(root, 'lib', 'testing', name), join(dist, 'testing', name))
for (const path of readdirSync(dist, { recursive: true, encoding: 'utf8' })) {
  if (path.endsWith('.d.ts')) copyDeclaration(join(dist, path))
}

/** `require` gets the bundle's own exports, and `import` the same objects by their names. */
function writeEntry(name: string, code: string): void {
  const file = join(dist, name)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(`${file}.cjs`, code)
  const base = name.slice(name.lastIndexOf('/') + 1)
  const names = namesOf(`lib/${name}.ts`).join(', ')
  writeFileSync(`${file}.js`, `import all from './${base}.cjs'\n\nexport const { ${names} } = all\n`)
}

/** What a module exports at run time. */
function namesOf(file: string): string[] {
  const found = buildSync({
    ...shared,
    format: 'esm',
    entryPoints: [file],
    outdir: dist,
    write: false,
    metafile: true,
  })
  const exported = Object.values(found.metafile.outputs).flatMap(output =>
    output.entryPoint === file ? output.exports : [],
  )
  return exported.sort()
}

/** The same declaration for a module of CommonJS. */
function copyDeclaration(file: string): void {
  const text = readFileSync(file, 'utf8').replaceAll(/(from '\.[^']*)\.js'/g, "$1.cjs'")
  writeFileSync(file.replace(/\.ts$/, '.cts'), text.replaceAll(/(import\('\.[^']*)\.js'/g, "$1.cjs'"))
}
