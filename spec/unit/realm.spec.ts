import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { access, mkdtemp } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { compileFunction, createContext, runInContext } from 'node:vm'
import { buildSync } from 'esbuild'
import { afterAll, describe, expect, it } from 'vitest'
import type * as processes from '../../lib/checkpoint/file/process.ts'
import type * as failure from '../../lib/cluster/failure.ts'
import type * as pem from '../../lib/cluster/pem.ts'
import type * as tls from '../../lib/cluster/tls.ts'
import type * as library from '../../lib/index.ts'
import type { MicroBatchSinkOptions } from '../../lib/index.ts'
import type * as kafkaFailure from '../../lib/kafka/kafkaFailure.ts'
import type * as realm from '../../lib/realm.ts'
import type * as certificates from '../../lib/testing/certificates.ts'
import type * as ports from '../../lib/testing/ports.ts'
import { FakeClient } from '../fake/fakeClient.ts'

const root = resolve(import.meta.dirname, '../..')

/** What `jest-environment-node` does not copy from Node's own realm. */
const OWN = new Set(['globalThis', 'global', 'GLOBAL', 'root'])

/** A realm with the globals that `jest-environment-node` gives to programs: its own language, and Node's own classes. */
function jestRealm(): object {
  const context = createContext()
  const inner = runInContext('globalThis', context) as object
  const known = new Set(Object.getOwnPropertyNames(inner))
  for (const [name, descriptor] of Object.entries(Object.getOwnPropertyDescriptors(globalThis))) {
    if (!known.has(name) && !OWN.has(name)) Object.defineProperty(inner, name, descriptor)
  }
  Object.assign(inner, { global: inner, Buffer, ArrayBuffer, Uint8Array })
  return context
}

const inJest = jestRealm()
const require = createRequire(import.meta.url)

/** Loads files of `lib/` in that realm, where `import()` fails, as in Jest. */
function load<Exports>(...files: readonly string[]): Exports {
  const contents = files.map(file => `export * from './lib/${file}'`).join('\n')
  const { outputFiles } = buildSync({
    stdin: { contents, resolveDir: root },
    bundle: true,
    write: false,
    platform: 'node',
    target: 'node20',
    format: 'cjs',
    packages: 'external',
    define: { 'import.meta.url': JSON.stringify(pathToFileURL(join(root, 'dist/index.cjs'))) },
  })
  const module = { exports: {} }
  const code = outputFiles[0]?.text ?? ''
  compileFunction(code, ['module', 'exports', 'require'], { parsingContext: inJest })(
    module,
    module.exports,
    require,
  )
  return module.exports as Exports
}

const own = (code: string): unknown => runInContext(code, inJest)

const folder = mkdtempSync(join(tmpdir(), 'realm-'))
afterAll(() => rmSync(folder, { recursive: true }))

describe('in a realm as of Jest', () => {
  it('the classes of the language are others than those of Node', async () => {
    const isOwn = own('value => value instanceof Error') as (value: unknown) => boolean
    expect(isOwn(await access('/nowhere').catch((error: unknown) => error))).toBe(false)
    expect(isOwn(own('new Error()'))).toBe(true)
    expect(own('structuredClone({}).constructor === Object')).toBe(false)
  })
})

const inRealm = load<typeof library>('index.ts')

describe('a micro-batch sink in Jest', () => {
  const position = own('row => ({ line: row.id, of: [{ file: "a.csv" }] })') as (row: object) => library.Json
  const open = (options: Partial<MicroBatchSinkOptions> = {}) => {
    const client = new FakeClient()
    client.automatic = true
    const place = {
      client: client.asClient,
      keyspace: 'ks',
      table: 't',
      checkpoint_location: join(folder, 'orders'),
    }
    return inRealm.createMicroBatchSink({ ...place, position, ...options })
  }

  it('keeps the position of its source in a file, and returns plain objects of the program', async () => {
    const sink = open()
    expect(await sink.open()).toBeNull()
    for (const id of [1, 2]) sink.write({ id, v: 'x' })
    sink.end()
    await once(sink, 'close')
    const again = open()
    const { position: kept } = (await again.open()) ?? {}
    again.destroy()
    expect(kept).toEqual({ line: 2, of: [{ file: 'a.csv' }] })
    const isPlain = own('({ of }) => of.constructor === Array && of[0].constructor === Object')
    expect((isPlain as (value: unknown) => boolean)(kept)).toBe(true)
  })

  it('takes the position that another sink returned, and one that Node has copied', async () => {
    for (const given of [
      await open()
        .open()
        .then(last => last?.position),
      structuredClone({ line: 3 }),
    ]) {
      const sink = open({
        checkpoint_location: await mkdtemp(join(folder, 'x-')),
        position: () => given as library.Json,
      })
      sink.write({ id: 1, v: 'x' })
      sink.end()
      await once(sink, 'finish')
    }
  })

  it('says what to do when the folder of its checkpoint is missing', async () => {
    const sink = open({ checkpoint_location: join(folder, 'absent/orders') })
    const error = await sink.open().catch((error: unknown) => error)
    expect(error).toMatchObject({ code: 'ERR_CASSANDRA_CHECKPOINT_IO' })
    expect(String(error)).toContain(': ENOENT: no such file or directory')
    expect(String(error)).toContain('Its folder does not exist: create it')
  })
})

describe('errors of Node in Jest', () => {
  const parts = load<
    typeof processes &
      typeof failure &
      typeof pem &
      typeof tls &
      typeof kafkaFailure &
      typeof realm &
      typeof ports &
      typeof certificates
  >(
    'checkpoint/file/process.ts',
    'cluster/failure.ts',
    'cluster/pem.ts',
    'cluster/tls.ts',
    'kafka/kafkaFailure.ts',
    'realm.ts',
    'testing/ports.ts',
    'testing/certificates.ts',
  )

  it('show that a process has ended', async () => {
    expect(await parts.realProcesses.look(2 ** 30)).toMatchObject({ exists: false })
    expect(await parts.realProcesses.look(process.pid)).toMatchObject({ exists: true })
  })

  it('have their words, also those of each address of a name', () => {
    const refused = new AggregateError([new Error('connect ECONNREFUSED ::1'), new Error('and 127.0.0.1')])
    expect(parts.wordsOf(refused)).toBe('connect ECONNREFUSED ::1; and 127.0.0.1')
    expect(parts.kafkaWordsOf(new Error('No broker', { cause: new Error('ECONNREFUSED') }))).toBe(
      'No broker: ECONNREFUSED',
    )
  })

  it('of an abort stay as they are', async () => {
    for (const reason of [
      AbortSignal.abort().reason,
      Object.assign(new Error('x'), { name: 'AbortError' }),
    ]) {
      expect(await parts.explainConnectFailure(reason, {} as never)).toBe(reason)
    }
  })

  it('of bytes that are too short are recognized', () => {
    expect(parts.isNamed(own('new RangeError()'), 'RangeError')).toBe(true)
    expect(
      parts.isNamed(
        thrownBy(() => Buffer.alloc(1).readInt32BE(5)),
        'RangeError',
      ),
    ).toBe(true)
  })

  it('name what is wrong with a file of TLS and with its options', async () => {
    const absent = await parts.readPem('ssl_ca_cert', '/nowhere/ca.pem').catch(String)
    expect(absent).toContain('there is no such file')
    const given = { ca: undefined, cert: undefined, key: undefined, server_name: undefined, verify: true }
    const wrong = await parts.tlsOptions(given, [], { ciphers: 'none' }).catch(String)
    expect(wrong).toContain('to make a TLS context (ERR_')
  })

  it('show that a port is taken, so that a server gets others', async () => {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as { port: number }
    const reserved = await parts.reservePorts(['127.0.0.1'], { native: port, storage: port })
    reserved.release()
    server.close()
    expect(reserved.native).not.toBe(port)
  })

  it('do not come from packages that only some tests need', async () => {
    const { certificate } = await parts.makeCertificates(['127.0.0.1'], false)
    expect(certificate).toContain('BEGIN CERTIFICATE')
  })
})

function thrownBy(work: () => unknown): unknown {
  try {
    return work()
  } catch (error) {
    return error
  }
}
