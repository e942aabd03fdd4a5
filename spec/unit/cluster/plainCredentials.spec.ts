import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import type { ConnectionSettings } from '../../../lib/options/settings.ts'
import { writeSettingsOf } from '../../../lib/options/settings.ts'

let driverOptions: (settings: ConnectionSettings) => Promise<unknown>
const emitWarning = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})

beforeEach(async () => {
  // For the module this is a new process.
  vi.resetModules()
  ;({ driverOptions } = await import('../../../lib/cluster/driverOptions.ts'))
})
afterEach(() => void emitWarning.mockClear())

const login = { username: 'loader', password: 'c4nary-of-this-file' }

/** Computes the driver options of a client, which checks the login and the hosts. */
const prepare = (given: object) => driverOptions(writeSettingsOf({ keyspace: 'ks', table: 't', ...given }))

describe('a login without TLS', () => {
  it.each(['192.0.2.1', '2001:db8::1', '::ffff:192.0.2.1', 'fe80::1%1', '128.0.0.1', '127.0.0.1, 192.0.2.1'])(
    'for %s causes a warning, which names the host but not the login',
    async host => {
      await prepare({ host, ...login })
      expect(emitWarning).toHaveBeenCalledOnce()
      const [text, details] = emitWarning.mock.calls[0] ?? []
      expect(details).toEqual({
        type: 'CassandraStreamsWarning',
        code: 'CASSANDRA_STREAMS_PLAIN_CREDENTIALS',
      })
      expect(text).toContain(host.split(', ').at(-1))
      expect(text).toContain('Set `ssl_enabled` to true')
      expect(text).not.toContain(login.username)
      expect(text).not.toContain(login.password)
    },
  )

  it('causes one warning per process, whatever the host', async () => {
    for (const host of ['192.0.2.1', '192.0.2.2', '192.0.2.1']) await prepare({ host, ...login })
    expect(emitWarning).toHaveBeenCalledOnce()
  })

  it.each(['127.0.0.1', '127.9.8.7', '::1', '0:0:0:0:0:0:0:1', '::ffff:127.0.0.1', 'localhost'])(
    'for %s causes no warning, because it does not leave the machine',
    async host => {
      await prepare({ host, ...login })
      expect(emitWarning).not.toHaveBeenCalled()
    },
  )

  it('still causes a warning after a login at a loopback address', async () => {
    await prepare({ host: '127.0.0.1', ...login })
    await prepare({ host: '192.0.2.1', ...login })
    expect(emitWarning).toHaveBeenCalledOnce()
  })
})

/** Opens a client of a ring with these nodes, of which the last two join later. */
async function openRing(given: object, addresses: readonly string[]): Promise<void> {
  class Ring {
    connect = async () => {}
    close = async () => {}
    addresses = () => addresses.slice(0, -2)
    onAddress = (tell: (address: string) => void) => addresses.slice(-2).forEach(tell)
  }
  vi.doMock('../../../lib/cluster/ownClient.ts', () => ({ OwnClient: Ring }))
  onTestFinished(() => vi.doUnmock('../../../lib/cluster/ownClient.ts'))
  const { shareClient } = await import('../../../lib/cluster/sharedClients.ts')
  const settings = writeSettingsOf({ keyspace: 'ks', table: 't', ...login, ...given })
  const { release } = await shareClient(settings, new AbortController().signal)
  await release()
}

it.each([
  ['is', ['127.0.0.1', '192.0.2.9', '127.0.0.2', '127.0.0.3']],
  ['joins later and is', ['127.0.0.1', '127.0.0.2', '127.0.0.3', '192.0.2.9']],
])('causes a warning if only another node of the ring %s on another machine', async (_, addresses) => {
  await openRing({ host: '127.0.0.1' }, addresses)
  expect(emitWarning).toHaveBeenCalledOnce()
  expect(emitWarning.mock.calls[0]?.[0]).toContain('192.0.2.9')
})

it.each([
  ['in a cloud bundle', { client_options: { cloud: { secureConnectBundle: 'bundle.zip' } } }],
  ['by ssl_enabled', { host: '127.0.0.1', ssl_enabled: true }],
])('causes no warning with TLS %s', async (_, given) => {
  await openRing(given, ['192.0.2.8', '192.0.2.9', '192.0.2.10'])
  expect(emitWarning).not.toHaveBeenCalled()
})

it('causes no warning with TLS, or without a login', async () => {
  await prepare({ host: '192.0.2.1', ...login, ssl_enabled: true })
  await prepare({ host: '192.0.2.1', ...login, client_options: { sslOptions: {} } })
  await prepare({ host: '192.0.2.1' })
  expect(emitWarning).not.toHaveBeenCalled()
})
