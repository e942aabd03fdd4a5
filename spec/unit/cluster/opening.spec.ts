import { errors } from 'cassandra-driver'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { openInTime } from '../../../lib/cluster/opening.ts'
import { writeSettingsOf } from '../../../lib/options/settings.ts'
import { FakeClient } from '../../fake/fakeClient.ts'

// Waits between attempts have a random part. Here it is zero.
beforeEach(() => {
  vi.spyOn(Math, 'random').mockReturnValue(0)
})

/** Opens a client whose first two attempts to log in fail with this message. Returns the number of attempts. */
async function open(message: string, wait_for_server_ms: number): Promise<number> {
  const client = new FakeClient()
  const error = Object.assign(new Error('All host(s) tried for query failed.'), {
    name: 'NoHostAvailableError',
    innerErrors: { '10.0.0.1:9042': new errors.AuthenticationError(message) },
  })
  vi.spyOn(client, 'connect').mockRejectedValueOnce(error).mockRejectedValueOnce(error)
  const target = { client: client.asClient, keyspace: 'ks', table: 't' }
  const settings = writeSettingsOf({ ...target, wait_for_server_ms })
  await openInTime(settings, new AbortController().signal, async () => {})
  return vi.mocked(client.connect).mock.calls.length
}

describe('wait_for_server_ms', () => {
  const unchecked = 'Unable to perform authentication: Cannot achieve consistency level QUORUM'

  it('waits for a server that cannot check logins yet', async () => {
    expect(await open(unchecked, 30_000)).toBe(3)
  })

  it('does not wait after a wrong password', async () => {
    await expect(
      open('Provided username loader and/or password are incorrect', 30_000),
    ).rejects.toMatchObject({ code: 'ERR_CASSANDRA_AUTH' })
  })

  it('of 0 waits for nothing, and the error quotes the server', async () => {
    await expect(open(unchecked, 0)).rejects.toMatchObject({
      code: 'ERR_CASSANDRA_CONNECT',
      hosts: [{ host: '10.0.0.1:9042', reason: unchecked }],
    })
  })
})
