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

it('causes a warning if only another node of the ring is on another machine', async () => {
  class Ring {
    connect = async () => {}
    close = async () => {}
    addresses = () => ['127.0.0.1', '192.0.2.9']
  }
  vi.doMock('../../../lib/cluster/ownClient.ts', () => ({ OwnClient: Ring }))
  onTestFinished(() => vi.doUnmock('../../../lib/cluster/ownClient.ts'))
  const { shareClient } = await import('../../../lib/cluster/sharedClients.ts')
  const settings = writeSettingsOf({ keyspace: 'ks', table: 't', host: '127.0.0.1', ...login })
  const { release } = await shareClient(settings, new AbortController().signal)
  await release()
  expect(emitWarning).toHaveBeenCalledOnce()
  expect(emitWarning.mock.calls[0]?.[0]).toContain('192.0.2.9')
})

it('causes no warning with TLS, or without a login', async () => {
  await prepare({ host: '192.0.2.1', ...login, ssl_enabled: true })
  await prepare({ host: '192.0.2.1', ...login, client_options: { sslOptions: {} } })
  await prepare({ host: '192.0.2.1' })
  expect(emitWarning).not.toHaveBeenCalled()
})
