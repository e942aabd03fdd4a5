import { type ChildProcess, spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { Agent, type IncomingMessage, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { Readable } from 'node:stream'
import { json as jsonOf } from 'node:stream/consumers'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, inject, it, onTestFinished } from 'vitest'
import { bundle } from './bundle.ts'
import { useKeyspace } from './integration/keyspace.ts'
import { CqlProxy } from './proxy/cqlProxy.ts'
import { randomFrom } from './random.ts'
import { installPackage, installRuntime } from './runtimes/install.ts'
import { runtimes } from './runtimes/runtimes.ts'

const root = resolve(import.meta.dirname, '..')
const ks = useKeyspace('examples_spec')
const seed = Number(process.env['SEED'] ?? randomInt(2 ** 31))
console.log(`seed ${seed}`)

interface Order {
  readonly customer: string
  readonly placed_at: string
  readonly total?: string
  readonly items: readonly string[]
}

/** Orders with distinct keys. Every tenth has no total; the other totals have more digits than a JavaScript number. */
function newOrders(count: number): Order[] {
  const random = randomFrom(seed)
  return Array.from({ length: count }, (_, i) => ({
    customer: `00000000-0000-4000-8000-${String(i % 40).padStart(12, '0')}`,
    placed_at: new Date(Date.UTC(2026, 0, 1) + i * 60_000).toISOString(),
    ...(i % 10 !== 0 && { total: `${Math.floor(random() * 1000)}.12345678901234567${1 + (i % 9)}` }),
    items: Array.from({ length: 1 + Math.floor(random() * 3) }, (_, n) => `item ${i}, "no ${n}" – ✓`),
  }))
}

/** Empties the table. Returns a function that reads it. */
async function emptyTable(): Promise<() => Promise<Order[]>> {
  await ks.client.execute(`TRUNCATE ${ks.name}.orders`)
  return async () => {
    const found = await ks.select(`SELECT * FROM ${ks.name}.orders`)
    const orders = found.map(({ customer, placed_at, total, items }) => ({
      customer: String(customer),
      placed_at: (placed_at as Date).toISOString(),
      ...(total !== null && { total: String(total) }),
      items: items as string[],
    }))
    return orders.sort((a, b) => a.placed_at.localeCompare(b.placed_at))
  }
}

const missing = (): never => {
  throw new Error('Expected an order')
}

const lines = (orders: readonly Order[]) => orders.map(order => `${JSON.stringify(order)}\n`).join('')
const quoted = (text: string) => `"${text.replaceAll('"', '""')}"`
const csv = (orders: readonly Order[]) =>
  `\ufeffcustomer,placed_at,total,items\r\n${orders
    .map(({ customer, placed_at, total = '', items }) =>
      [customer, placed_at, total, quoted(items.join('|'))].join(','),
    )
    .join('\r\n')}`
/** Orders as JSON, with totals as numbers that keep all digits. */
const json = (orders: readonly Order[]) =>
  JSON.stringify(orders).replaceAll(/"total":"([^"]+)"/g, '"total":$1')

interface Ended {
  readonly stdout: string
  readonly stderr: string
  readonly code: number | null
}

interface Target {
  readonly host: string
  readonly port: number
  readonly keyspace: string
}

/** Copies an example into a folder, with the address and keyspace of this spec. */
function place(file: string, folder: string, { host, port, keyspace }: Target = ks.target): void {
  const { localDataCenter } = inject('cassandra')
  const source = readFileSync(join(root, 'examples', file), 'utf8')
    .replaceAll("host: '127.0.0.1'", `host: '${host}', port: ${port}`)
    .replaceAll("'127.0.0.1:9042'", `'${host}:${port}'`)
    .replaceAll("'datacenter1'", `'${localDataCenter}'`)
    .replaceAll("'shop'", `'${keyspace}'`)
  writeFileSync(join(folder, file), source)
  if (file.endsWith('.ts')) bundle([join(folder, file)], folder)
}

/** The file that runs: of TypeScript its bundle. */
const programOf = (file: string) => file.replace(/\.ts$/, '.mjs')

class Program {
  readonly process: ChildProcess
  readonly ended: Promise<Ended>
  #stdout = ''
  #stderr = ''

  constructor(folder: string, [program = '', ...args]: readonly string[], env: NodeJS.ProcessEnv = {}) {
    const child = spawn(program, args, {
      cwd: folder,
      env: {
        ...process.env,
        ...env,
        PORT: '0',
        DENO_NO_UPDATE_CHECK: '1',
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    onTestFinished(() => void child.kill('SIGKILL'))
    child.stdout.setEncoding('utf8').on('data', text => {
      this.#stdout += text
    })
    child.stderr.setEncoding('utf8').on('data', text => {
      this.#stderr += text
    })
    this.process = child
    this.ended = once(child, 'close').then(([code]) => ({ stdout: this.#stdout, stderr: this.#stderr, code }))
  }

  /** The address that a server prints when it listens. Deno prints it on stderr. */
  async address(): Promise<string> {
    for (;;) {
      const [, port] = /http:\/\/[^\s:]+:(\d+)/.exec(this.#stdout + this.#stderr) ?? []
      if (port !== undefined) return `http://127.0.0.1:${port}`
      const said = [this.process.stdout, this.process.stderr].map(stream => once(stream as Readable, 'data'))
      const step = await Promise.race([this.ended, ...said])
      if (!Array.isArray(step)) throw new Error(`The server ended: ${step.stderr}`)
    }
  }
}

/** Starts an example. */
function start(
  file: string,
  folder: string,
  command: readonly string[],
  target: Target = ks.target,
  ...args: string[]
): Program {
  place(file, folder, target)
  return new Program(folder, [...command, programOf(file), ...args])
}

/** Inside the repository, because the examples import its installed packages. */
const here = mkdtempSync(join(root, '.examples-'))
const node = [process.execPath]

/** A project of Bun or Deno with the packed package. */
const elsewhere = mkdtempSync(join(tmpdir(), 'cassandra-streams-examples-'))

beforeAll(async () => {
  await ks.client.execute(
    `CREATE TABLE ${ks.name}.orders (
      customer uuid, placed_at timestamp, total decimal, items list<text>, PRIMARY KEY (customer, placed_at))`,
  )
  await installPackage(elsewhere, 'cassandra-driver', 'stream-chain')
})
afterAll(() => {
  for (const folder of [here, elsewhere]) rmSync(folder, { recursive: true, force: true })
})

describe('an example that reads a file', () => {
  it.each<[string, string, (orders: readonly Order[]) => string | Buffer]>([
    ['ndjson.ts', 'orders.ndjson', lines],
    ['gzip.ts', 'orders.ndjson.gz', orders => gzipSync(lines(orders))],
    ['csv.ts', 'orders.csv', csv],
    ['json-array.ts', 'orders.json', json],
  ])('%s writes all rows', async (file, input, contentOf) => {
    const stored = await emptyTable()
    const orders = newOrders(500)
    writeFileSync(join(here, input), contentOf(orders))
    const { stdout, stderr, code } = await start(file, here, node).ended
    expect(stderr).toBe('')
    expect(code).toBe(0)
    expect(stdout).toBe('500 rows written\n')
    expect(await stored()).toEqual(orders)
  })

  it('ndjson.ts names a bad row', async () => {
    const bad = { ...newOrders(1)[0], customer: 'nobody' }
    writeFileSync(join(here, 'orders.ndjson'), `${lines(newOrders(2))}${JSON.stringify(bad)}\n`)
    const { stderr, code } = await start('ndjson.ts', here, node).ended
    expect(stderr).toMatch(/^Row 2 \(counted from 0 in this stream\), column `customer`/)
    expect(code).toBe(1)
  })

  it('dead-letters.ts keeps bad rows in a file, and loads that file after they are fixed', async () => {
    const stored = await emptyTable()
    const orders = newOrders(500)
    const spoilt = orders.map((order, i) => (i % 20 === 1 ? { ...order, total: `$${order.total}` } : order))
    writeFileSync(join(here, 'orders.ndjson'), lines(spoilt))
    const first = await start('dead-letters.ts', here, node).ended
    expect(first).toEqual({ stdout: '475 rows written, 25 in orders.ndjson.rejected\n', stderr: '', code: 0 })
    expect(await stored()).toEqual(orders.filter((_, i) => i % 20 !== 1))
    const letters = join(here, 'orders.ndjson.rejected')
    const rejected = readFileSync(letters, 'utf8')
    expect(JSON.parse(rejected.split('\n')[0] ?? '')).toEqual({
      code: 'ERR_CASSANDRA_VALUE',
      column: 'total',
      message: expect.stringContaining('$'),
      row: spoilt[1],
    })
    writeFileSync(letters, rejected.replaceAll('"$', '"'))
    const second = await start('dead-letters.ts', here, node, ks.target, 'orders.ndjson.rejected').ended
    expect(second).toEqual({
      stdout: '25 rows written, 0 in orders.ndjson.rejected.rejected\n',
      stderr: '',
      code: 0,
    })
    expect(await stored()).toEqual(orders)
  })

  it('dead-letters.ts ends with the error of the disk if it cannot keep bad rows', async () => {
    const [order = missing(), ...others] = newOrders(10)
    writeFileSync(join(here, 'unkept.ndjson'), lines([{ ...order, total: 'much' }, ...others]))
    const letters = join(here, 'unkept.ndjson.rejected')
    const run = () => start('dead-letters.ts', here, node, ks.target, 'unkept.ndjson').ended
    mkdirSync(letters)
    const notOpened = await run()
    rmSync(letters, { recursive: true })
    // Each write to it fails like one to a full disk.
    symlinkSync('/dev/full', letters)
    const notWritten = await run()
    for (const { stdout, stderr, code } of [notOpened, notWritten]) {
      expect([stdout, code]).toEqual(['', 1])
      expect(stderr).not.toContain('Unhandled')
    }
    expect(notOpened.stderr).toMatch(/Error: EISDIR.*unkept\.ndjson\.rejected/)
    expect(notWritten.stderr).toMatch(/ENOSPC.*ERR_CASSANDRA_ON_BAD_ROW/s)
  })

  it('bun-file.js writes all rows', async () => {
    const stored = await emptyTable()
    const orders = newOrders(500)
    writeFileSync(join(elsewhere, 'orders.ndjson'), lines(orders))
    const { stdout, stderr } = await start('bun-file.js', elsewhere, await command('Bun')).ended
    expect(stderr).toBe('')
    expect(stdout).toBe('500 rows written\n')
    expect(await stored()).toEqual(orders)
  })
})

async function command(name: string): Promise<string[]> {
  const runtime = runtimes.find(candidate => candidate.name === name)
  if (runtime === undefined) throw new Error(`Expected ${name} to be one of the runtimes`)
  return [await installRuntime(runtime), ...runtime.args]
}

describe('an example that is a server', () => {
  it.each([
    ['fastify-upload.ts', '/orders', async () => node, here],
    ['deno-server.js', '/', () => command('Deno'), elsewhere],
  ] as const)(
    '%s writes the rows of an upload, and answers with the line of a bad row',
    async (file, path, program, folder) => {
      const stored = await emptyTable()
      const orders = newOrders(500)
      const example = start(file, folder, await program())
      const send = async (body: string) => {
        const headers = { 'content-type': 'application/x-ndjson' }
        const answer = await fetch(`${await example.address()}${path}`, { method: 'POST', headers, body })
        return [answer.status, await answer.json()]
      }
      expect(await send(lines(orders))).toEqual([200, { rows_written: 500 }])
      expect(await stored()).toEqual(orders)
      const [first = missing()] = orders
      // More than sockets buffer, so that the answer comes before the whole body is sent.
      const tooMuch = [first, { ...first, placed_at: 'never' }, ...newOrders(50_000)]
      expect(await send(lines(tooMuch))).toMatchObject([422, { line: 2, column: 'placed_at' }])
      expect(await send(`${lines([first])}{"customer":\n`)).toMatchObject([
        400,
        { message: expect.stringContaining('JSON') },
      ])
      example.process.kill('SIGTERM')
      await example.ended
    },
  )
})

describe('fastify-upload.ts', () => {
  /** Sends over the one connection of an agent. Returns the status, the answer and the connection's port. */
  async function post(agent: Agent, address: string, body: string) {
    const sent = request(`${address}/orders`, {
      agent,
      method: 'POST',
      headers: { 'content-type': 'application/x-ndjson' },
    })
    sent.end(body)
    const [answer] = (await once(sent, 'response')) as [IncomingMessage]
    const port = sent.socket?.localPort
    return { status: answer.statusCode, answer: await jsonOf(answer), port }
  }

  it('answers the next request on the same connection after a bad row or a bad line in a large body', async () => {
    const stored = await emptyTable()
    const orders = newOrders(50_000)
    const [first = missing()] = orders
    const example = start('fastify-upload.ts', here, node)
    const address = await example.address()
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    onTestFinished(() => agent.destroy())
    const around = (middle: string) => lines(orders.slice(0, 30_000)) + middle + lines(orders.slice(30_000))
    const badRow = await post(agent, address, around(`${JSON.stringify({ ...first, placed_at: 'never' })}\n`))
    expect(badRow).toMatchObject({ status: 422, answer: { line: 30_001, column: 'placed_at' } })
    for (const [status, bad] of [
      [400, '{"customer":\n'],
      [422, 'null\n'],
    ] as const) {
      const badLine = await post(agent, address, around(bad))
      expect(badLine).toMatchObject({ status, answer: { line: 30_001 }, port: badRow.port })
    }
    const good = await post(agent, address, lines(orders.slice(-500)))
    expect(good).toEqual({ status: 200, answer: { rows_written: 500 }, port: badRow.port })
    expect((await stored()).slice(-500)).toEqual(orders.slice(-500))
    // Valid rows with blank lines, and no line feed at the end.
    const blank = await post(agent, address, `\r\n${JSON.stringify(first)}\r\n\n${JSON.stringify(first)}`)
    expect(blank).toEqual({ status: 200, answer: { rows_written: 2 }, port: badRow.port })
    example.process.kill('SIGTERM')
    expect((await example.ended).stderr).toBe('')
  })

  it('continues to serve when a client gives up in the middle of its body', async () => {
    await emptyTable()
    const example = start('fastify-upload.ts', here, node)
    const address = await example.address()
    const headers = { 'content-type': 'application/x-ndjson', 'content-length': '1000000' }
    const given = request(`${address}/orders`, { method: 'POST', headers }).on('error', () => undefined)
    given.write(lines(newOrders(1000)))
    // When a row is in the table, the sink is open.
    while ((await ks.select(`SELECT customer FROM ${ks.name}.orders LIMIT 1`)).length === 0);
    given.destroy()
    const agent = new Agent()
    onTestFinished(() => agent.destroy())
    expect(await post(agent, address, lines(newOrders(10)))).toMatchObject({ status: 200 })
    example.process.kill('SIGTERM')
    await example.ended
  })
})

describe('shards.ts', () => {
  it('loads its share of the files, and leaves the same table when it runs again or twice at the same time', async () => {
    const stored = await emptyTable()
    const orders = newOrders(2_000)
    const folder = mkdtempSync(join(root, '.examples-shards-'))
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
    mkdirSync(join(folder, 'orders'))
    for (const part of [0, 1, 2, 3]) {
      const share = orders.filter((_, i) => i % 4 === part)
      writeFileSync(join(folder, 'orders', `${part}.ndjson`), lines(share))
    }
    place('shards.ts', folder)
    const run = (index: number) =>
      new Program(folder, [...node, programOf('shards.ts')], {
        SHARDS: '2',
        JOB_COMPLETION_INDEX: String(index),
      }).ended
    const first = await run(0)
    expect(first).toEqual({
      stdout: '0.ndjson: 500 rows written, 0 were there\n2.ndjson: 500 rows written, 0 were there\n',
      stderr: '',
      code: 0,
    })
    const twice = await Promise.all([run(1), run(1)])
    expect(twice.some(({ code }) => code === 0)).toBe(true)
    for (const { code, stderr } of twice) if (code !== 0) expect(stderr).toContain('CHECKPOINT_LOCKED')
    expect((await run(0)).stdout).toContain('0.ndjson: 0 rows written, 500 were there')
    expect(readdirSync(join(folder, 'checkpoints', '0.ndjson'))).toEqual(['checkpoint'])
    expect(await stored()).toEqual(orders)
  })
})

describe('an example that observes', () => {
  /** A proxy to the server that fails the first write. */
  async function faultyTarget(): Promise<Target> {
    const proxy = await CqlProxy.start(inject('cassandra'))
    onTestFinished(() => proxy.stop())
    proxy.decide = ({ index }) =>
      index === 0 ? { delivery: 'never', answer: { code: 0x1001, message: 'too much at once' } } : undefined
    return { host: proxy.host, port: proxy.port, keyspace: ks.name }
  }

  const run = (file: string, target: Target) => start(file, here, node, target).ended

  it('opentelemetry.ts exports a span per request, also of one that fails, and the histogram', async () => {
    const { stdout, stderr, code } = await run('opentelemetry.ts', await faultyTarget())
    expect([stderr, code]).toEqual(['', 0])
    const [failed = '', succeeded = '', histogram = ''] = stdout.split(/\n(?=\{)/)
    for (const span of [failed, succeeded]) {
      expect(span).toContain("name: 'BATCH INSERT orders'")
      expect(span).toContain('kind: 2,')
      expect(attributesOf(span)).toMatchObject({
        'db.system.name': 'cassandra',
        'db.namespace': ks.name,
        'db.collection.name': 'orders',
        'db.operation.name': 'BATCH INSERT',
        'db.operation.batch.size': '2',
        'cassandra.consistency.level': 'local_quorum',
      })
    }
    expect(attributesOf(failed)).toMatchObject({ 'db.response.status_code': '4097', 'error.type': '4097' })
    expect(failed).toContain("status: { code: 2, message: 'too much at once' }")
    expect(Object.keys(attributesOf(succeeded))).not.toContain('error.type')
    expect(succeeded).toContain('status: { code: 0 }')
    expect(histogram).toContain("name: 'db.client.operation.duration'")
    expect(histogram).toContain("unit: 's'")
    expect(histogram.match(/ count: 1\n/g)).toHaveLength(2)
  })

  it('opentelemetry.ts names the span of each operation by its CQL', async () => {
    place('opentelemetry.ts', here)
    const example = readFileSync(join(here, 'opentelemetry.ts'), 'utf8')
    const [before, after] = [example.indexOf('const orders ='), example.indexOf('await Promise.all')]
    const { host, port } = ks.target
    const target = `{ host: '${host}', port: ${port}, keyspace: '${ks.name}', table: 'ledgers' }`
    await ks.client.execute(
      `CREATE TABLE ${ks.name}.ledgers (id int, n int, v text, tags set<text>, s text STATIC, PRIMARY KEY (id, n))`,
    )
    const load = `
      const rows = [
        { op: 'insert', id: 1, n: 1, v: 'a' },
        { op: 'insert', id: 1, n: 2, v: 'b' },
        { op: 'insert', id: 2, s: 'c' },
        { op: 'update', id: 3, n: 1, v: 'd' },
        { op: 'append', id: 4, n: 1, tags: ['e'] },
        { op: 'append', id: 5, s: 'f' },
        { op: 'delete', id: 6, n: 1 },
      ]
      await pipeline(rows, createCassandraWritable({ ...${target}, operation_column: 'op' }))
      await createCassandraReadable({ ...${target}, where: 'id = 1' }).toArray()
    `
    const changed = example.slice(0, before) + load + example.slice(after)
    const program = join(here, 'operations.ts')
    const imported = 'createCassandraWritable, type RequestContext'
    writeFileSync(program, changed.replace(imported, `createCassandraReadable, ${imported}`))
    bundle([program], here)
    const { stdout, stderr, code } = await new Program(here, [...node, programOf('operations.ts')]).ended
    expect([stderr, code]).toEqual(['', 0])
    const names = stdout.matchAll(/^ {2}name: '(.*) ledgers',$/gm)
    expect([...names].map(([, name]) => name).sort()).toEqual([
      'BATCH INSERT',
      'DELETE',
      'INSERT',
      'SELECT',
      'UPDATE',
      'UPDATE',
      'UPDATE',
    ])
  })

  it('prometheus.ts counts rows, retries and bad rows, and measures requests', async () => {
    const { stdout, stderr, code } = await run('prometheus.ts', await faultyTarget())
    expect([stderr, code]).toEqual(['', 0])
    const lines = stdout.split('\n').filter(line => /^\w+(?:\{code="\w+"\})? /.test(line))
    expect(Object.fromEntries(lines.map(line => line.split(' ')))).toMatchObject({
      cassandra_streams_rows_written_total: '1',
      cassandra_streams_retries_total: '1',
      'cassandra_streams_bad_rows_total{code="ERR_CASSANDRA_VALUE"}': '1',
      cassandra_streams_window: '16',
      cassandra_streams_request_duration_seconds_count: '2',
    })
  })

  const logOf = (stdout: string) =>
    stdout
      .trimEnd()
      .split('\n')
      .map(line => JSON.parse(line) as Record<string, unknown>)

  it('pino.ts logs a retry and a bad row', async () => {
    const { stdout, stderr, code } = await run('pino.ts', await faultyTarget())
    expect([stderr, code]).toEqual(['', 0])
    const table = { level: 40, keyspace: ks.name, table: 'orders' }
    const log = logOf(stdout).sort((a, b) => String(a['msg']).localeCompare(String(b['msg'])))
    expect(log).toMatchObject([
      { ...table, row_index: 1, code: 'ERR_CASSANDRA_VALUE', column: 'customer', msg: 'A row is set aside' },
      { ...table, rows: 1, tries: 1, reason: 'too much at once', msg: 'Rows are sent again' },
    ])
  })

  it('pino.ts logs an opening that fails, and the end of the load', async () => {
    const { stdout, stderr, code } = await run('pino.ts', { ...ks.target, keyspace: 'nowhere' })
    expect([stderr, code]).toEqual(['', 1])
    const err = { code: 'ERR_CASSANDRA_KEYSPACE_NOT_FOUND' }
    expect(logOf(stdout)).toMatchObject([
      { level: 50, keyspace: 'nowhere', table: 'orders', err, msg: 'A sink cannot open' },
      { level: 50, err, msg: 'The load failed' },
    ])
  })
})

/** The attributes in the output of the console exporter. */
function attributesOf(span: string): Record<string, string> {
  const found = span.matchAll(/^ +'((?:db|error|cassandra)\.[\w.]+)': '?([^',\n]+)/gm)
  return Object.fromEntries([...found].map(([, name = '', value]) => [name, value ?? '']))
}

describe('every example', () => {
  const files = readdirSync(join(root, 'examples')).filter(file => file !== 'README.md')
  const list = readFileSync(join(root, 'examples/README.md'), 'utf8')

  it('has a line in the list of examples', () => {
    const listed = [...list.matchAll(/^\| \[`([^`]+)`\]\(([^)]+)\)/gm)].map(([, name, link]) => [name, link])
    expect(listed.sort()).toEqual(files.map(file => [file, file]).sort())
  })

  const demos = ['demo.ts', 'exactly-once.ts']
  it.each(files.filter(file => !demos.includes(file)))('%s is short and ends with a next step', file => {
    const source = readFileSync(join(root, 'examples', file), 'utf8')
    expect(source.split('\n').length).toBeLessThanOrEqual(50)
    expect(source).toMatch(/\n\/\/ Next: .+\n(\/\/ .+\n)*$/)
  })
})
