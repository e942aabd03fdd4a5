import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, inject, it, onTestFinished, vi } from 'vitest'
import { bundle } from '../bundle.ts'
import { OutageProxy } from '../proxy/outageProxy.ts'
import { useKeyspace } from './keyspace.ts'

const ks = useKeyspace('release_spec')

/** Beside the repository's own modules, since the programs import what it has installed. */
const folder = mkdtempSync(join(import.meta.dirname, '../../.examples-release-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
let programs = 0

/** Runs a module that can use both sinks. Resolves to its output after it has ended by itself. */
async function run(code: string, changed: object = {}): Promise<string> {
  const table = await ks.table('id int PRIMARY KEY')
  const options = JSON.stringify({ ...ks.target, table, ...changed })
  const head = `import { createCassandraWritable, createCassandraWritableStream } from '../lib/index.ts'
    import { OutageProxy } from '../spec/proxy/outageProxy.ts'
    const options = ${options}
    const turns = async count => { while (count-- > 0) await new Promise(setImmediate) }
    const outcomeOf = sink => new Promise(resolve => {
      let outcome = 'finished'
      sink.on('error', error => { outcome = error.code })
      sink.on('close', () => resolve(outcome))
    })
    /** Resources that keep the process alive, except its standard output. */
    const left = () => process.getActiveResourcesInfo().filter(name => name !== 'PipeWrap')\n`
  const name = `program${programs++}`
  writeFileSync(join(folder, `${name}.ts`), head + code)
  bundle([join(folder, `${name}.ts`)], folder)
  const child = spawn(process.execPath, [join(folder, `${name}.mjs`)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  try {
    let printed = ''
    child.stdout.on('data', data => {
      printed += data
    })
    const [status] = await once(child, 'exit', { signal: AbortSignal.timeout(50_000) })
    expect(status).toBe(0)
    return printed.trim()
  } finally {
    child.kill('SIGKILL')
  }
}

describe('a process ends by itself', () => {
  it('after Node and web sinks were destroyed at any point of connecting', async () => {
    const printed = await run(`
      for (let count = 0; count < 60; count += 3) {
        const sink = createCassandraWritable(options)
        const stream = createCassandraWritableStream(options)
        await turns(count)
        sink.destroy()
        await stream.abort()
      }
      console.log('given up')`)
    expect(printed).toBe('given up')
  })

  it('after connecting ended by its time limit', async () => {
    // The driver's own time limits would leave sockets open, so only our time limit is short here.
    const printed = await run(`
      const client_options = { socketOptions: { connectTimeout: 5000 } }
      const codes = new Set()
      for (let request_timeout_ms = 1; request_timeout_ms < 60; request_timeout_ms += 3) {
        const sink = createCassandraWritable({ ...options, client_options, request_timeout_ms })
        sink.on('error', error => codes.add(error.code))
        sink.end()
        await new Promise(resolve => sink.on('close', resolve))
      }
      console.log(...codes)`)
    expect(printed).toContain('ERR_CASSANDRA_CONNECT')
  })

  it.each([
    ['a datacenter that does not exist', { local_datacenter: 'nowhere' }, 'ERR_CASSANDRA_CONNECT'],
    ['a keyspace that does not exist', { keyspace: 'nowhere' }, 'ERR_CASSANDRA_KEYSPACE_NOT_FOUND'],
    ['a port where nobody listens', { port: 1 }, 'ERR_CASSANDRA_CONNECT'],
  ])('with no resources left right after an error about %s', async (_, changed, code) => {
    const printed = await run(
      `const sink = createCassandraWritable(options)
       sink.end()
       const outcome = await outcomeOf(sink)
       await turns(3)
       console.log(outcome, left())`,
      changed,
    )
    expect(printed).toBe(`${code} []`)
  })

  it.each(['hang up', 'swallow'] as const)(
    'with no resources left right after connecting to a server that does nothing but %s',
    async fault => {
      const proxy = await OutageProxy.start(inject('cassandra'))
      onTestFinished(() => proxy.stop())
      if (fault === 'swallow') proxy.weather = fault
      else await proxy.setDoor(fault)
      const printed = await run(
        `const sink = createCassandraWritable({ ...options, request_timeout_ms: 5000 })
       sink.end()
       const outcome = await outcomeOf(sink)
       await turns(3)
       console.log(outcome, left())`,
        { port: proxy.port },
      )
      expect(printed).toMatch(/^ERR_CASSANDRA_CONNECT(?:_TIMEOUT)? \[\]$/)
      expect(proxy.accepted).toBeGreaterThan(0)
      // The process is over, and its sockets close a moment later.
      await vi.waitFor(() => expect(proxy.connections).toBe(0), { timeout: 10_000 })
    },
  )

  it('with no resources left after a load that ends while the server comes back', async () => {
    const printed = await run(`
      const { setTimeout: delay } = await import('node:timers/promises')
      const proxy = await OutageProxy.start(options)
      const sink = createCassandraWritable({ ...options, port: proxy.port, request_timeout_ms: 5000 })
      const outcome = outcomeOf(sink)
      await new Promise(resolve => sink.write({ id: 0 }, resolve))
      await proxy.setDoor('refuse')
      proxy.cut()
      for (let id = 1; id < 400; id++) sink.write({ id })
      sink.end()
      await delay(1500)
      await proxy.setDoor('open')
      const last = await outcome
      const { connections } = proxy
      await proxy.stop()
      await turns(3)
      console.log(last, sink.stats.rows_written, connections, left())`)
    expect(printed).toBe('finished 400 0 []')
  })

  it('with no resources left when the driver gets a schema change while its client closes', async () => {
    const printed = await run(`
      const { OwnClient } = await import('../lib/cluster/ownClient.ts')
      const own = new OwnClient({
        contactPoints: [options.host],
        localDataCenter: 'datacenter1',
        protocolOptions: { port: options.port },
      }, 15_000)
      await own.connect()
      const closing = own.close()
      // The connection, which is still open, makes this call.
      own.client.controlConnection._debouncer.eventReceived({ handler: async () => {}, keyspace: 'ks' }, false)
      await closing
      await turns(3)
      console.log(left())`)
    expect(printed).toBe('[]')
  })

  it('with no resources left after the node was reached by either of two addresses', async () => {
    const printed = await run(`
      const { setTimeout: delay } = await import('node:timers/promises')
      const one = await OutageProxy.start(options)
      const other = await OutageProxy.start(options, '127.0.0.2', one.port)
      const sink = createCassandraWritable({ ...options, host: ['127.0.0.1', '127.0.0.2'], port: one.port })
      const outcome = outcomeOf(sink)
      await new Promise(resolve => sink.write({ id: 0 }, resolve))
      // Each turn dials both addresses. The one that is not chosen belongs to no node of the cluster.
      for (let turn = 0; turn < 8; turn++) {
        for (const proxy of [one, other]) proxy.cut()
        const { rows_accepted } = sink.stats
        sink.write({ id: turn })
        while (sink.stats.rows_written < rows_accepted + 1) await delay(20)
        await delay(600)
      }
      sink.end()
      const last = await outcome
      await one.stop()
      await other.stop()
      await turns(3)
      console.log(last, one.connections + other.connections, left())`)
    expect(printed).toBe('finished 0 []')
  })
})
