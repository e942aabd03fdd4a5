import { describe, expect, it } from 'vitest'
import { waitForPort, waitUntilReady } from '../../../lib/testing/readiness.ts'
import { closedPort } from '../../closedPort.ts'

describe('waiting for a node', () => {
  it('fails with the port on which nothing listens and the reason', async () => {
    const port = await closedPort()
    const gaveUp = AbortSignal.abort(new DOMException('too late', 'TimeoutError'))
    await expect(waitForPort({ address: '127.0.0.1', port }, gaveUp)).rejects.toMatchObject({
      message: `nothing listens on 127.0.0.1:${port}`,
      cause: { name: 'TimeoutError' },
    })
  })

  it('fails with the node that did not become ready and the fault of the last attempt, without the list of hosts', async () => {
    const port = await closedPort()
    const limit = new AbortController()
    const ready = waitUntilReady({ address: '127.0.0.1', port }, [], limit.signal)
    limit.abort()
    await expect(ready).rejects.toMatchObject({
      message: `127.0.0.1:${port} did not become ready in time`,
      cause: { message: `connect ECONNREFUSED 127.0.0.1:${port}` },
    })
  })
})
