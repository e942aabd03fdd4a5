import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { finished, pipeline } from 'node:stream/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { createServer as createTlsServer } from 'node:tls'
import { Client } from 'cassandra-driver'
import {
  type CassandraWritableOptions,
  createCassandraWritable,
  createCassandraWritableStream,
  createMicroBatchSink,
} from '../../lib/index.ts'
import { makeCertificates } from '../../lib/testing/certificates.ts'
import { blameless } from '../faults/load.ts'
import { OutageProxy } from '../proxy/outageProxy.ts'

/** A server that asks for a login, and the password that must stay secret. JSON, so that a child process can get it. */
export interface Stage {
  readonly port: number
  readonly localDataCenter: string
  readonly admin: { readonly username: string; readonly password: string }
  /** Password of the role `loader`, which may write `canary.t`, and of the role `stranger`, which may not. */
  readonly canary: string
}

/** Gets everything that a sink emits or returns. */
export type Witness = (value: unknown) => void

/** Provokes one failure and rejects with it. The witness gets the sink and everything that it emits. */
type Failure = (stage: Stage, witness: Witness) => Promise<unknown>

/** Each of these uses the canary as a password, right or wrong. */
export const failures: Readonly<Record<string, Failure>> = {
  'a wrong password': load({ username: 'cassandra' }),
  'a role that does not exist': load({ username: 'nobody' }),
  'a port on which nothing listens': load({ port: 1 }),
  'a name that does not resolve': load({ host: 'nowhere.invalid' }),
  'TLS at a server without TLS': load({ ssl_enabled: true }),
  'a TLS file that does not exist': load({ ssl_enabled: true, ssl_ca_cert: '/nowhere.pem' }),
  'a datacenter that does not exist': load({ local_datacenter: 'nowhere' }),
  'a keyspace that does not exist': load({ keyspace: 'nowhere' }),
  'a table that does not exist': load({ table: 'nowhere' }),
  'a role that may not write': load({ username: 'stranger' }),
  'a bad value': load({}, [{ id: 'x' }]),
  'a value that is no row': load({}, ['x']),
  'an untrusted certificate': atTls({ ssl_enabled: true }),
  'plain text at a server with TLS': atTls({}),
  'a server that hangs up': at(client => void client.end()),
  'a server that resets during the login': at(
    client => void client.on('data', () => client.resetAndDestroy()),
  ),
  'a server that never answers': at(() => {}),
  'a server that is no Cassandra': at(client => void client.write('HTTP/1.1 400 Bad Request\r\n\r\n')),
  'a borrowed client with a wrong password': async (stage, witness) => {
    const client = clientOf(stage, 'cassandra')
    const { keyspace, table } = target(stage)
    return await write(createCassandraWritable({ client, keyspace, table }), [{ id: 1 }], witness).finally(
      () => client.shutdown(),
    )
  },
  'a borrowed client that was shut down': async (stage, witness) => {
    const client = clientOf(stage, 'loader')
    await client.connect()
    await client.shutdown()
    const { keyspace, table } = target(stage)
    return await write(createCassandraWritable({ client, keyspace, table }), [{ id: 1 }], witness)
  },
  'a borrowed client whose requests get no answer': async (stage, witness) => {
    const proxy = await OutageProxy.start({ host: '127.0.0.1', port: stage.port })
    const client = clientOf({ ...stage, port: proxy.port }, 'loader')
    const { keyspace, table } = target(stage)
    const sink = createCassandraWritable({ client, keyspace, table, ...impatient })
    return await outage(proxy, sink, witness, () => silence(proxy)).finally(() => client.shutdown())
  },
  'retries that run out': async (stage, witness) => {
    const proxy = await OutageProxy.start({ host: '127.0.0.1', port: stage.port })
    const sink = createCassandraWritable({ ...target(stage), port: proxy.port, ...impatient })
    return await outage(proxy, sink, witness, () => silence(proxy))
  },
  'a password that changes before a sink loses its connections': async (stage, witness) => {
    const client = clientOf(stage, stage.admin.username, stage.admin.password)
    await client.execute(`CREATE ROLE fickle WITH PASSWORD = '${stage.canary}' AND LOGIN = true`)
    await client.execute('GRANT MODIFY ON canary.t TO fickle')
    await client.execute('GRANT SELECT ON canary.t TO fickle')
    const proxy = await OutageProxy.start({ host: '127.0.0.1', port: stage.port })
    const login = { username: 'fickle', on_bad_row: blameless }
    const options = { ...target(stage), ...login, port: proxy.port, ...impatient }
    return await outage(proxy, createCassandraWritable(options), witness, async () => {
      await client.execute(`ALTER ROLE fickle WITH PASSWORD = 'changed'`)
      await untilRefused(stage, 'fickle')
      proxy.cut()
    }).finally(async () => {
      await client.execute('DROP ROLE fickle')
      await client.shutdown()
    })
  },
  'a web stream with a wrong password': async (stage, witness) => {
    const stream = createCassandraWritableStream({ ...target(stage), username: 'cassandra' })
    witness(stream)
    const writer = stream.getWriter()
    witness(writer)
    writer.closed.catch(witness)
    writer.ready.catch(witness)
    return await writer.write({ id: 1 })
  },
  'a micro-batch sink with a wrong password': async (stage, witness) => {
    const folder = await mkdtemp(join(tmpdir(), 'cassandra-streams-canary-'))
    const checkpoint_location = join(folder, 'checkpoint')
    const sink = createMicroBatchSink({ ...target(stage), username: 'cassandra', checkpoint_location })
    return await write(sink, [{ id: 1 }], witness).finally(() => rm(folder, { recursive: true }))
  },
  'an unknown option': load({ passwort: 'x' } as object),
  'no host': load({ host: undefined }),
  'a login together with a client': load({ client: {} } as object),
  'a login together with a login for the driver': async (stage, witness) => {
    const { username } = target(stage)
    const client_options = { credentials: { username, password: stage.canary } }
    return await load({ client_options })(stage, witness)
  },
  'a password that is not text': async (stage, witness) =>
    load({ password: { secret: stage.canary } as unknown as string })(stage, witness),
  'a password without a user name': load({ username: undefined }),
  'a URL instead of a host': async (stage, witness) =>
    load({ host: `cassandra://loader:${stage.canary}@db1/ks` })(stage, witness),
  'a URL with a query instead of a host': async (stage, witness) =>
    load({ host: `cassandra://db1/?password=${stage.canary}` })(stage, witness),
  'a connection string instead of a host': async (stage, witness) =>
    load({ host: `host=db1;pwd=${stage.canary}` })(stage, witness),
  'a connection string instead of options': async (stage, witness) => {
    const options = `host=db1;username=loader;password=${stage.canary}` as unknown as CassandraWritableOptions
    return await write(createCassandraWritable(options), [], witness)
  },
}

/** On a busy machine, connecting takes longer than a request may take. */
const impatient = { retry_timeout_ms: 1_500, request_timeout_ms: 1_000, wait_for_server_ms: 60_000 }

function target({ port, canary }: Stage) {
  const login = { username: 'loader', password: canary }
  return { host: '127.0.0.1', port, keyspace: 'canary', table: 't', ...login, request_timeout_ms: 2_000 }
}

function clientOf(stage: Stage, username: string, password = stage.canary): Client {
  const { port, localDataCenter } = stage
  const credentials = { username, password }
  return new Client({ contactPoints: [`127.0.0.1:${port}`], localDataCenter, credentials })
}

function load(change: Partial<CassandraWritableOptions>, rows: unknown[] = [{ id: 1 }]): Failure {
  return async (stage, witness) =>
    write(createCassandraWritable({ ...target(stage), ...change }), rows, witness)
}

async function write(
  sink: ReturnType<typeof createCassandraWritable>,
  rows: unknown[],
  witness: Witness,
): Promise<void> {
  watch(sink, witness)
  await pipeline(Readable.from(rows), sink).finally(() => {
    witness(sink)
    witness(sink.stats)
  })
}

/** Passes the arguments of all events to the witness. */
function watch(sink: NodeJS.EventEmitter, witness: Witness): void {
  const emit = sink.emit.bind(sink)
  sink.emit = (event, ...args) => {
    for (const arg of args) witness(arg)
    return emit(event, ...args)
  }
}

/** A sink that writes a row before an outage and another row during it. */
async function outage(
  proxy: OutageProxy,
  sink: ReturnType<typeof createCassandraWritable>,
  witness: Witness,
  begin: () => unknown,
): Promise<void> {
  watch(sink, witness)
  try {
    sink.write({ id: 1 })
    while (sink.stats.rows_written === 0 && !sink.destroyed) await delay(10)
    await begin()
    sink.end({ id: 2 })
    await finished(sink)
  } finally {
    witness(sink)
    await proxy.stop()
  }
}

/** A load into a fake server that calls `behave` for each connection. */
function at(behave: (client: Socket) => void): Failure {
  return async (stage, witness) => {
    const sockets: Socket[] = []
    const server = createServer(client => {
      sockets.push(client.on('error', () => {}))
      behave(client)
    })
    await once(server.listen(0, '127.0.0.1'), 'listening')
    const { port } = server.address() as AddressInfo
    return await load({ port, request_timeout_ms: 500 })(stage, witness).finally(() => {
      server.close()
      for (const socket of sockets) socket.destroy()
    })
  }
}

/** A load into a server that speaks TLS with an untrusted certificate. */
function atTls(change: Partial<CassandraWritableOptions>): Failure {
  return async (stage, witness) => {
    const { certificate: cert, key } = await makeCertificates(['127.0.0.1'], false)
    const server = createTlsServer({ cert, key }).on('tlsClientError', () => {})
    await once(server.listen(0, '127.0.0.1'), 'listening')
    const { port } = server.address() as AddressInfo
    return await load({ ...change, port })(stage, witness).finally(() => server.close())
  }
}

function silence(proxy: OutageProxy): void {
  proxy.weather = 'swallow'
  proxy.strike('swallow')
}

/** Waits until the server refuses the old password, which it accepts for two seconds after a change. */
async function untilRefused(stage: Stage, username: string): Promise<void> {
  for (let isRefused = false; !isRefused; await delay(200)) {
    const client = clientOf(stage, username)
    isRefused = await client.connect().then(
      () => false,
      () => true,
    )
    await client.shutdown()
  }
}
