import { beforeEach, describe, expect, it, vi } from 'vitest'
import { copyOf, finalFailure, isFinal } from '../../../lib/cluster/finalFailure.ts'
import { openInTime } from '../../../lib/cluster/opening.ts'
import { ConnectionError } from '../../../lib/errors.ts'
import { writeSettingsOf } from '../../../lib/options/settings.ts'
import { FakeClient } from '../../fake/fakeClient.ts'

// Waits between attempts have a random part. Here it is zero.
beforeEach(() => {
  vi.spyOn(Math, 'random').mockReturnValue(0)
})

function open(client: FakeClient): Promise<void> {
  const target = { client: client.asClient, keyspace: 'ks', table: 't' }
  const settings = writeSettingsOf({ ...target, wait_for_server_ms: 3_600_000 })
  return openInTime(settings, new AbortController().signal, async () => {})
}

describe('the wait for a server with a client of the caller', () => {
  it('goes on while no host can be used, although the hosts are not known', async () => {
    const client = new FakeClient()
    const error = new Error('No host could be resolved')
    const connect = vi.spyOn(client, 'connect').mockRejectedValueOnce(error).mockRejectedValueOnce(error)
    await open(client)
    expect(connect).toHaveBeenCalledTimes(3)
  })

  it('ends when the client is shut down', async () => {
    const client = new FakeClient()
    vi.spyOn(client, 'connect').mockImplementationOnce(async () => {
      Object.assign(client, { isShuttingDown: true })
      throw new Error('Connecting failed')
    })
    await expect(open(client)).rejects.toMatchObject({ message: 'The `client` was shut down' })
  })
})

it('the copy of an error that no wait cures is one too, and no other copy is', () => {
  expect(isFinal(copyOf(finalFailure('wrong')))).toBe(true)
  expect(isFinal(copyOf(new ConnectionError('ERR_CASSANDRA_CONNECT', 'not yet', [])))).toBe(false)
})
