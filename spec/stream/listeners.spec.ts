import { describe, expect, it } from 'vitest'
import { uncaughtErrors } from '../uncaught.ts'
import { range, row, scene, settled } from './support.ts'

describe("a listener for 'acknowledged' that throws", () => {
  it('ends in an uncaught exception, and the stream finishes with every row counted', async () => {
    const uncaught = uncaughtErrors()
    const { client, sink, events, errors, closed } = scene({ rows_per_batch: 2 })
    const bug = new Error('a bug of the listener')
    sink.on('acknowledged', () => {
      throw bug
    })
    for (const id of range(2)) sink.write(row(id))
    const flushed = sink.flush()
    ;(await client.nextWrite()).acknowledge()
    await flushed
    sink.end(row(2))
    ;(await client.nextWrite()).acknowledge()
    await closed
    expect(uncaught).toEqual([bug, bug])
    expect(errors).toEqual([])
    expect(events).toEqual(['finish', 'close'])
    expect(sink.stats).toMatchObject({ rows_accepted: 3, rows_written: 3, rows_failed: 0, rows_in_flight: 0 })
  })

  it('keeps no row that was set aside from being done with', async () => {
    const uncaught = uncaughtErrors()
    const { client, sink, errors, closed } = scene({ on_bad_row: () => {} })
    const bug = new Error('a bug of the listener')
    sink.on('acknowledged', () => {
      throw bug
    })
    client.automatic = true
    sink.write(row(0))
    await sink.flush()
    sink.write({ id: 'bad' })
    await sink.flush()
    await settled()
    sink.end(row(2))
    await closed
    expect(uncaught.length).toBeGreaterThan(0)
    expect(errors).toEqual([])
    expect(sink.stats).toMatchObject({ rows_written: 2, rows_set_aside: 1, rows_failed: 0 })
  })
})
