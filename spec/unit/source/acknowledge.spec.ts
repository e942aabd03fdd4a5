import { once } from 'node:events'
import { setImmediate as turn } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createCassandraReadable, createCassandraReadableStream } from '../../../lib/index.ts'

const refused = { code: 'ERR_CASSANDRA_POSITION' }

/** No position can be kept, because there is no checkpoint. Nobody listens on this port. */
const options = { host: '127.0.0.1', port: 1, keyspace: 'ks', table: 't' }

const unhandled: unknown[] = []
const note = (reason: unknown) => unhandled.push(reason)
let others: NodeJS.UnhandledRejectionListener[] = []

beforeEach(() => {
  others = process.listeners('unhandledRejection')
  process.removeAllListeners('unhandledRejection').on('unhandledRejection', note)
  unhandled.length = 0
})
afterEach(() => {
  process.off('unhandledRejection', note)
  for (const other of others) process.on('unhandledRejection', other)
})

/** A source of each kind: how it fails and how it is left. */
const kinds = {
  createCassandraReadable: () => {
    const source = createCassandraReadable(options)
    return {
      source,
      failure: once(source, 'error').then(([error]) => error),
      leave: () => once(source.destroy(), 'close'),
    }
  },
  createCassandraReadableStream: () => {
    const source = createCassandraReadableStream(options)
    const reader = source.getReader()
    return { source, failure: reader.closed.catch(error => error), leave: () => reader.cancel() }
  },
}

describe.each(Object.entries(kinds))('a position that %s cannot keep', (_, open) => {
  it('ends the stream, so its promise may be ignored', async () => {
    const { source, failure } = open()
    void source.acknowledge('x')
    expect(await failure).toMatchObject(refused)
    void source.acknowledge('y')
    await turn()
    expect(unhandled).toEqual([])
  })

  it('is reported by its promise alone after the end, which may not be ignored', async () => {
    const { source, failure, leave } = open()
    failure.catch(() => {})
    await leave()
    await expect(source.acknowledge('x')).rejects.toMatchObject(refused)
    await turn()
    expect(unhandled).toEqual([])
    void source.acknowledge('y')
    await turn()
    expect(unhandled).toMatchObject([refused])
  })
})
