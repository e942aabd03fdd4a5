// npm run build  lib/ → dist/: one bundle of CommonJS, an entry for `import` and one for `require`, and declarations for both.
import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { type BuildOptions, buildSync } from 'esbuild'

const root = import.meta.dirname
const dist = resolve(process.argv[2] ?? join(root, 'dist'))

/** Bundles, because Node 20 needs a quarter of a second to load two hundred small modules, and 30 ms to load one file. */
const shared: BuildOptions = {
  absWorkingDir: root,
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'cjs',
  packages: 'external',
  sourcemap: 'linked',
  sourcesContent: true,
}

/** CommonJS has no import.meta, which only `testing` uses. */
const moduleUrl: BuildOptions = {
  define: { 'import.meta.url': 'moduleUrl' },
  banner: { js: "const moduleUrl = require('node:url').pathToFileURL(__filename).href;" },
}

/** Public entry points. They share the clock of the process, the clients and the error classes. */
const entries = { index: 'index', kafka: 'kafka/index' }

rmSync(dist, { recursive: true, force: true })
execFileSync('npx', ['tsc', '-p', 'tsconfig.build.json', '--outDir', dist], { cwd: root, stdio: 'inherit' })
const contents = Object.entries(entries).map(([name, path]) => `export * as ${name} from './lib/${path}.ts'`)
buildSync({
  ...shared,
  stdin: { contents: contents.join('\n'), resolveDir: root },
  outfile: join(dist, 'main.cjs'),
})
for (const [name, path] of Object.entries(entries)) {
  const main = path.includes('/') ? '../main.cjs' : './main.cjs'
  writeEntry(path, `const { ${name} } = require('${main}')\n\nmodule.exports = ${name}\n`)
}
buildSync({
  ...shared,
  ...moduleUrl,
  entryPoints: ['lib/testing/index.ts'],
  outfile: join(dist, 'testing', 'main.cjs'),
})
writeEntry('testing/index', "module.exports = require('./main.cjs')\n")
for (const name of readdirSync(join(root, 'lib', 'testing')).filter(name => name.endsWith('.xml')))
  copyFileSync(join(root, 'lib', 'testing', name), join(dist, 'testing', name))
for (const path of readdirSync(dist, { recursive: true, encoding: 'utf8' })) {
  if (path.endsWith('.d.ts')) copyDeclaration(join(dist, path))
}

/** `require` gets the exports of the bundle, and `import` the same objects by name. */
function writeEntry(name: string, code: string): void {
  const file = join(dist, name)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(`${file}.cjs`, code)
  const base = name.slice(name.lastIndexOf('/') + 1)
  const names = namesOf(`lib/${name}.ts`).join(', ')
  writeFileSync(`${file}.js`, `import all from './${base}.cjs'\n\nexport const { ${names} } = all\n`)
}

/** Names that a module exports at run time. */
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

/** Writes each declaration again for CommonJS. */
function copyDeclaration(file: string): void {
  const text = readFileSync(file, 'utf8').replaceAll(
    /((?:from |import\()['"]\.[^'"]*)\.ts(['"])/g,
    '$1.cjs$2',
  )
  writeFileSync(file.replace(/\.ts$/, '.cts'), text)
}
