import { describe, expect, it } from 'vitest'
import { row, serverError, settled } from './support.ts'
import { noUnhandledRejections, reasonOf, webScene } from './webSupport.ts'

noUnhandledRejections()

const never = 60_000

describe('flush()', () => {
  it('does not wait for a row that the stream refused because it is closing', async () => {
    const { client, stream, events, note } = webScene({ flush_interval_ms: never })
    const writer = stream.getWriter()
    // While rows wait, the stream calls size() even for a row that it refuses.
    void writer.write(row(1))
    const closing = writer.close()
    expect(await reasonOf(writer.write(row(2)))).toBeInstanceOf(TypeError)
    const flushing = note('flush', stream.flush())
    const write = await client.nextWrite()
    await settled()
    expect(events).toEqual([])
    write.acknowledge()
    await closing
    await flushing
    expect(events).toEqual(['flush'])
    await stream.flush()
    expect(stream.stats).toMatchObject({ rows_accepted: 1, rows_written: 1, rows_failed: 0 })
  })

  it('rejects while the stream is closing when rows before are lost', async () => {
    const { client, stream } = webScene({ flush_interval_ms: never })
    const writer = stream.getWriter()
    void writer.write(row(1))
    const closing = reasonOf(writer.close())
    await reasonOf(writer.write(row(2)))
    const flushing = reasonOf(stream.flush())
    ;(await client.nextWrite()).fail(serverError(0x2100))
    expect(await flushing).toMatchObject({ code: 'ERR_CASSANDRA_UNAUTHORIZED' })
    expect(await closing).toBe(await flushing)
    expect(await reasonOf(stream.flush())).toBe(await flushing)
  })
})
