import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { text } from 'node:stream/consumers'
import { Client } from 'cassandra-driver'
import { afterAll, beforeAll, describe, expect, inject, it, onTestFinished } from 'vitest'
import { bundle } from './bundle.ts'
import { examplesOf, pages, root } from './pages.ts'

interface Output {
  readonly stdout: string
  readonly stderr: string
  readonly code: number | null
}

const { host, port, localDataCenter } = inject('cassandra')
const folder = mkdtempSync(join(root, '.pages-'))

const blocks = pages.flatMap(page => {
  const name = basename(page.path, '.md')
  return examplesOf(page).map((example, i) => ({
    ...example,
    name: `${page.path} ${i + 1}`,
    folder: join(folder, name),
    file: join(folder, name, `example${i + 1}.ts`),
  }))
})
const examples = blocks.filter(({ language }) => language === 'ts' || language === 'js')
const javaScript = blocks.filter(({ language }) => language === 'js')

/** Code of an example, changed to use the server of the specs. */
function onServer(code: string): string {
  return code
    .replaceAll("host: '127.0.0.1'", `host: '${host}', port: ${port}`)
    .replaceAll("contactPoints: ['127.0.0.1']", `contactPoints: ['${host}:${port}']`)
    .replaceAll("localDataCenter: 'datacenter1'", `localDataCenter: '${localDataCenter}'`)
}

/** @param isEndless whether the example runs until SIGTERM, which it gets after its first output */
function start(
  file: string,
  cwd: string,
  isEndless = false,
): ChildProcess & { readonly output: Promise<Output> } {
  const child = spawn(process.execPath, [file.replace(/\.ts$/, '.mjs')], {
    cwd,
    env: { ...process.env, CASSANDRA_CONTACT_POINTS: `${host}:${port}` },
  })
  if (isEndless) child.stdout.once('data', () => child.kill('SIGTERM'))
  const ended = once(child, 'close') as Promise<[number | null]>
  const output = Promise.all([text(child.stdout), text(child.stderr), ended])
  return Object.assign(child, {
    output: output.then(([stdout, stderr, [code]]) => ({ stdout, stderr, code })),
  })
}

beforeAll(async () => {
  const order = { customer: '6ba7b814-9dad-41d1-80b4-00c04fd430c8', placed_at: 0, total: 1 }
  const lines = [order, { ...order, customer: 'nobody' }].map(line => JSON.stringify(line))
  for (const { folder, file, code } of examples) {
    mkdirSync(folder, { recursive: true })
    writeFileSync(file, onServer(code))
    writeFileSync(join(folder, 'orders.ndjson'), lines.join('\n'))
    writeFileSync(join(folder, 'orders.log'), `${lines[0]}\n`)
  }
  writeFileSync(
    join(folder, 'tsconfig.json'),
    JSON.stringify({ extends: '../tsconfig.json', include: ['./*/*.ts'] }),
  )
  bundle(
    examples.map(({ file }) => file),
    folder,
  )
  // Creates the table with the example of the README, and then the tables of other pages.
  const creating = examples.find(({ code }) => code.includes('CREATE TABLE'))
  if (creating === undefined) throw new Error('Expected an example in the README that creates a table')
  expect(await start(creating.file, creating.folder).output).toEqual({ stdout: '', stderr: '', code: 0 })
  const client = new Client({ contactPoints: [`${host}:${port}`], localDataCenter })
  const statements = blocks
    .filter(({ language }) => language === 'sql')
    .flatMap(({ code }) => code.split(';'))
  for (const statement of statements) if (statement.trim() !== '') await client.execute(statement)
  await client.shutdown()
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('the examples of the pages', () => {
  it('are found', () => {
    expect(examples.length).toBeGreaterThanOrEqual(25)
    expect(examples.filter(({ prints }) => prints !== undefined).length).toBeGreaterThanOrEqual(8)
    expect(javaScript.length).toBeGreaterThanOrEqual(4)
  })

  it('compile with the strictest settings', () => {
    const { stdout, status } = spawnSync('npx', ['tsc', '-p', folder], { cwd: root, encoding: 'utf8' })
    expect(stdout).toBe('')
    expect(status).toBe(0)
  })

  it.each(javaScript)('are valid JavaScript if the page says so: $name', ({ file, code }) => {
    const module = file.replace(/\.ts$/, '.js.mjs')
    writeFileSync(module, code)
    expect(spawnSync(process.execPath, ['--check', module], { encoding: 'utf8' }).stderr).toBe('')
  })

  it('read a growing file to its end, whatever the length of its lines', { timeout: 60_000 }, async () => {
    const { file = '', folder = '' } =
      examples.find(({ code }) => code.includes("ordersFrom('orders.log'")) ?? {}
    const log = join(folder, 'orders.log')
    const [line = ''] = readFileSync(log, 'utf8').split('\n')
    const lengths = [0, 65_535, 65_536, 300_000]
    writeFileSync(log, [...lengths.map(length => line.padEnd(length)), line, ''].join('\n'))
    rmSync(join(folder, 'orders.checkpoint'), { force: true })
    const { stdout, stderr } = await start(file, folder).output
    expect(stderr).toBe('')
    expect(stdout).toContain(`rows, up to byte ${statSync(log).size}\n`)
  })

  it.each(examples.filter(({ isRun }) => isRun))(
    'run: $name',
    { timeout: 60_000 },
    async ({ file, folder, code, prints }) => {
      const child = start(file, folder, code.includes("'SIGTERM'"))
      onTestFinished(() => void child.kill('SIGKILL'))
      const { stdout, stderr, code: status } = await child.output
      const complaint = code.includes('orders.ndjson') ? /^Row 1 \(from 0\), customer: expected a UUID/ : /^$/
      expect(stderr).toMatch(complaint)
      expect(status).toBe(0)
      if (prints !== undefined) expect(stdout.trim()).toBe(prints)
    },
  )
})
