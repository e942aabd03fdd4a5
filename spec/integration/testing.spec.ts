import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { Client } from 'cassandra-driver'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { usableJava } from '../../lib/testing/choose.ts'
import { startCluster } from '../../lib/testing/cluster.ts'
import { type Cassandra, startCassandra } from '../../lib/testing/index.ts'
import { jarFolder } from '../../lib/testing/jars.ts'
import { findJava } from '../../lib/testing/java.ts'

/** Longest time in milliseconds for a start while the machine is busy with other specs. */
const START_TIMEOUT_MS = 150_000

const INDEX = new URL('../../lib/testing/index.ts', import.meta.url).href

/** All files of a start are in this folder. Leftovers show up as files in it, and as JVMs with the folder in their arguments. */
let temporary: string

beforeAll(() => {
  // With `durable`, neither the environment nor Docker can provide the server.
  vi.stubEnv('CASSANDRA_CONTACT_POINTS', '')
})
afterAll(() => vi.unstubAllEnvs())

function useTemporaryFolder(): void {
  temporary = mkdtempSync(join(tmpdir(), 'cassandra-streams-spec-'))
  vi.stubEnv('TMPDIR', temporary)
}

function removeTemporaryFolder(): void {
  vi.stubEnv('TMPDIR', undefined)
  rmSync(temporary, { recursive: true, force: true })
}

function jvms(): string[] {
  const processes = execFileSync('ps', ['-eo', 'comm=,args='], { encoding: 'utf8', maxBuffer: 1 << 24 })
  return processes.split('\n').filter(line => line.startsWith('java') && line.includes(temporary))
}

function folders(): string[] {
  return readdirSync(temporary).filter(name => /^cassandra-streams-(?!logs-)/.test(name))
}

describe('a started Cassandra', { timeout: START_TIMEOUT_MS }, () => {
  let cassandra: Cassandra
  let client: Client

  beforeAll(async () => {
    useTemporaryFolder()
    cassandra = await startCassandra({ durable: true })
    client = await connect(cassandra)
    await client.execute(
      "CREATE KEYSPACE life WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}",
    )
    await client.execute('CREATE TABLE life.row (id int PRIMARY KEY)')
  })
  afterAll(async () => {
    await client?.shutdown()
    await cassandra?.stop()
    removeTemporaryFolder()
  })

  it('does not answer while it is paused, and answers when it is resumed', async () => {
    onTestFinished(() => cassandra.resume(1))
    await cassandra.pause(1)
    const query = client.execute('SELECT id FROM life.row', [], { readTimeout: 1_000 })
    await expect(query).rejects.toThrow('did not reply before timeout')
    await cassandra.resume(1)
    await vi.waitFor(() => client.execute('SELECT id FROM life.row'), { timeout: 100_000, interval: 200 })
  })

  it('has every acknowledged row after a kill in the middle of writes', async () => {
    let acknowledged = 0
    const writing = (async () => {
      for (;;) {
        await client.execute('INSERT INTO life.row (id) VALUES (?)', [acknowledged], { prepare: true })
        acknowledged += 1
      }
    })()
    const failure = writing.catch(error => error)
    await vi.waitUntil(() => acknowledged > 50, { timeout: 100_000 })
    await cassandra.kill(1)
    expect(await failure).toBeInstanceOf(Error)
    expect(jvms()).toEqual([])

    await cassandra.start(1)
    const again = await connect(cassandra)
    const { rows } = await again.execute('SELECT id FROM life.row', [], { fetchSize: 100_000 })
    await again.shutdown()
    const kept = new Set(rows.map(row => row['id']))
    expect(Array.from({ length: acknowledged }, (_, id) => id).filter(id => !kept.has(id))).toEqual([])
  })

  it('refuses to start a node that runs, and to act on a node that does not exist', async () => {
    await expect(cassandra.start(1)).rejects.toThrow('Node 1 is running')
    await expect(cassandra.kill(2)).rejects.toThrow('Expected a node from 1 to 1, got 2')
    await expect(cassandra.pause(0)).rejects.toThrow(RangeError)
  })

  it('is gone with its data after stop(), even if it was paused', async () => {
    expect(jvms()).toHaveLength(1)
    expect(folders()).toHaveLength(1)
    await cassandra.pause(1)
    await cassandra.stop()
    expect(jvms()).toEqual([])
    expect(folders()).toEqual([])
    await cassandra.stop()
    await expect(cassandra.start(1)).rejects.toMatchObject({ code: 'ERR_CASSANDRA_START' })
  })
})

describe('the end of the program that started it', { timeout: START_TIMEOUT_MS }, () => {
  let program: ChildProcess | undefined
  beforeEach(useTemporaryFolder)
  afterEach(() => {
    program?.kill('SIGKILL')
    removeTemporaryFolder()
  })

  it.each<[NodeJS.Signals, boolean]>([
    ['SIGKILL', true],
    ['SIGTERM', false],
    ['SIGINT', false],
  ])('by %s also ends the JVM and deletes its data, after the start: %s', async (signal, isUp) => {
    program = run('await startCassandra({ durable: true }); console.log("up"); setInterval(() => {}, 1_000)')
    if (isUp) await nextOutput(program)
    else await vi.waitFor(() => expect(jvms()).toHaveLength(1), { timeout: 100_000, interval: 100 })
    expect(jvms()).toHaveLength(1)
    // A terminal sends Ctrl-C to the whole foreground process group. Other signals go to one process.
    const pid = program.pid ?? Number.NaN
    process.kill(signal === 'SIGINT' ? -pid : pid, signal)
    await once(program, 'exit')
    expect(program.signalCode).toBe(signal)
    await nothingIsLeft()
  })

  it('by itself is not delayed by a server that is stopped or forgotten, and needs no Maven for the jars', async () => {
    const bin = join(temporary, 'bin')
    execFileSync('mkdir', [bin])
    writeFileSync(join(bin, 'mvn'), '#!/bin/sh\nexit 1\n', { mode: 0o755 })
    vi.stubEnv('PATH', `${bin}${delimiter}${process.env['PATH']}`)
    program = run(`
      const [stopped, forgotten] = await Promise.all([startCassandra({ durable: true }), startCassandra({ durable: true })])
      await stopped.stop()
      console.log(new Set([stopped.port, forgotten.port]).size)
    `)
    const output = nextOutput(program)
    expect(await once(program, 'exit')).toEqual([0, null])
    expect(await output).toBe('2\n')
    rmSync(bin, { recursive: true })
    await nothingIsLeft()
  })

  /** Runs a program in its own process group, like a terminal. */
  function run(body: string): ChildProcess {
    const source = `import { startCassandra } from ${JSON.stringify(INDEX)}\n${body}`
    return spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '--eval', source], {
      detached: true,
      stdio: ['ignore', 'pipe', 'inherit'],
    })
  }

  async function nextOutput({ stdout }: ChildProcess): Promise<string> {
    if (stdout === null) throw new TypeError('Expected a pipe')
    const [chunk] = await once(stdout, 'data')
    return String(chunk)
  }

  async function nothingIsLeft(): Promise<void> {
    await vi.waitFor(() => expect({ jvms: jvms(), folders: folders() }).toEqual({ jvms: [], folders: [] }), {
      timeout: 60_000,
      interval: 100,
    })
  }
})

describe('a start that fails', { timeout: START_TIMEOUT_MS }, () => {
  beforeEach(useTemporaryFolder)
  afterEach(removeTemporaryFolder)

  it('fails early with the end of the log, and keeps only the logs', async () => {
    const java = usableJava(await findJava())?.command ?? 'java'
    const starting = startCluster({
      nodes: 1,
      auth: false,
      tls: false,
      durable: false,
      java,
      jars: await jarFolder(),
      yaml: { partitioner: 'NoSuchPartitioner' },
    })
    await expect(starting).rejects.toMatchObject({
      code: 'ERR_CASSANDRA_START',
      message: expect.stringMatching(
        /127\.0\.0\.1 ended with exit code \d+.*Invalid partitioner class NoSuchPartitioner/s,
      ),
    })
    expect(jvms()).toEqual([])
    expect(folders()).toEqual([])
    expect(readdirSync(temporary)).toEqual([expect.stringMatching(/^cassandra-streams-logs-/)])
  })
})

async function connect(cassandra: Cassandra): Promise<Client> {
  const { contactPoints, localDataCenter } = cassandra
  const client = new Client({ contactPoints, localDataCenter })
  await client.connect()
  return client
}
