import { describe, expect, it } from 'vitest'
import { range, row, scene } from './support.ts'

describe("a listener for 'acknowledged' that throws", () => {
  const bug = new Error('a bug of the listener')

  it('ends the stream with its error, and the acknowledged rows count as written', async () => {
    const { client, sink, errors, closed } = scene({ rows_per_batch: 2 })
    sink.on('acknowledged', () => {
      throw bug
    })
    for (const id of range(2)) sink.write(row(id))
    ;(await client.nextWrite()).acknowledge()
    await closed
    expect(errors).toEqual([bug])
    expect(sink.stats).toMatchObject({ rows_accepted: 2, rows_written: 2, rows_failed: 0, rows_in_flight: 0 })
  })

  it('ends the stream with its error even at the last row', async () => {
    const { client, sink, errors, closed } = scene({ on_bad_row: () => {} })
    sink.on('acknowledged', () => {
      throw bug
    })
    client.automatic = true
    sink.write({ id: 'bad' })
    sink.end()
    await closed
    expect(errors).toEqual([bug])
    expect(sink.stats).toMatchObject({ rows_accepted: 1, rows_set_aside: 1, rows_failed: 0 })
  })
})
