import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import type { ConnectionSettings } from '../../../lib/options/settings.ts'
import { writeSettingsOf } from '../../../lib/options/settings.ts'

let driverOptions: (settings: ConnectionSettings) => Promise<unknown>
const emitWarning = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})

beforeEach(async () => {
  // A new process, as far as the module can tell.
  vi.resetModules()
  ;({ driverOptions } = await import('../../../lib/cluster/driverOptions.ts'))
})
afterEach(() => void emitWarning.mockClear())

const login = { username: 'loader', password: 'c4nary-of-this-file' }

/** What an own client for these options is made of: here the login meets the hosts. */
const prepare = (given: object) => driverOptions(writeSettingsOf({ keyspace: 'ks', table: 't', ...given }))

describe('a login without TLS', () => {
  it.each(['192.0.2.1', '2001:db8::1', '::ffff:192.0.2.1', 'fe80::1%1', '128.0.0.1', '127.0.0.1, 192.0.2.1'])(
    'for %s is warned of, and the warning names the host but not the login',
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

  it('is warned of once per process, whatever the host', async () => {
    for (const host of ['192.0.2.1', '192.0.2.2', '192.0.2.1']) await prepare({ host, ...login })
    expect(emitWarning).toHaveBeenCalledOnce()
  })

  it.each(['127.0.0.1', '127.9.8.7', '::1', '0:0:0:0:0:0:0:1', '::ffff:127.0.0.1', 'localhost'])(
    'for %s is not warned of, because it does not leave the machine',
    async host => {
      await prepare({ host, ...login })
      expect(emitWarning).not.toHaveBeenCalled()
    },
  )

  it('is still warned of after loopback was not', async () => {
    await prepare({ host: '127.0.0.1', ...login })
    await prepare({ host: '192.0.2.1', ...login })
    expect(emitWarning).toHaveBeenCalledOnce()
  })
})

it('is warned of when only the ring has a node elsewhere', async () => {
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

it('is not warned of with TLS, nor without a login', async () => {
  await prepare({ host: '192.0.2.1', ...login, ssl_enabled: true })
  await prepare({ host: '192.0.2.1', ...login, client_options: { sslOptions: {} } })
  await prepare({ host: '192.0.2.1' })
  expect(emitWarning).not.toHaveBeenCalled()
})
