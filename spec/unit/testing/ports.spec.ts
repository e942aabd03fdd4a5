import { once } from 'node:events'
import { createServer } from 'node:net'
import { describe, expect, it } from 'vitest'
import { reservePorts } from '../../../lib/testing/ports.ts'

const here = ['127.0.0.1']

describe('reserving ports', () => {
  it('never gives the same ports to two starts at once', async () => {
    const reserved = await Promise.all(Array.from({ length: 5 }, () => reservePorts(here)))
    const ports = reserved.flatMap(({ native, storage }) => [native, storage])
    expect(new Set(ports).size).toBe(10)
    for (const { release } of reserved) release()
  })

  it('skips a port that is in use at any of the addresses', async () => {
    const first = await reservePorts(here)
    first.release()
    const taken = createServer().listen(first.native, '127.0.0.1')
    await once(taken, 'listening')
    const second = await reservePorts(here)
    expect(second.native).not.toBe(first.native)
    second.release()
    taken.close()
  })

  it('fails for an address that this machine does not have', async () => {
    await expect(reservePorts(['192.0.2.1'])).rejects.toMatchObject({ code: 'ERR_CASSANDRA_START' })
  })
})
