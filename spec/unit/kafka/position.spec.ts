import { describe, expect, it } from 'vitest'
import { checkLog, type Position, positionFrom, withTopicId } from '../../../lib/kafka/position.ts'

const of = { topic: 't', partition: 1 }
const position: Position = { offset: '5', rows: 0, write_time: -1, topic_id: 'a' }

describe('a position', () => {
  it('is accepted only in the form that a checkpoint has', () => {
    expect(positionFrom(position, 'file', of)).toEqual(position)
    for (const other of [
      null,
      5,
      { ...position, offset: 5 },
      { ...position, offset: '-1' },
      { offset: '5' },
    ]) {
      expect(() => positionFrom(other, 'file', of)).toThrow(
        expect.objectContaining({ code: 'ERR_CASSANDRA_CHECKPOINT_TARGET', location: 'file' }),
      )
    }
  })

  it.each([
    [5n, 5n],
    [0n, 5n],
    [5n, 100n],
  ])('is valid in a log from %s to %s', (first, next) => {
    checkLog(position, { first, next, topic_id: 'a' }, of)
    checkLog(position, { first, next }, of)
  })

  it('gets the id of its topic when a client knows it, and keeps it with others', () => {
    const log = { first: 0n, next: 9n }
    const without = { ...position, topic_id: '' }
    checkLog(without, { ...log, topic_id: 'b' }, of)
    expect(withTopicId(without, { ...log, topic_id: 'b' })).toEqual({ ...position, topic_id: 'b' })
    expect(withTopicId(without, log)).toEqual(without)
    expect(withTopicId(position, log)).toEqual(position)
  })

  it.each([
    ['EXPIRED', { first: 6n, next: 9n, topic_id: 'a' }],
    ['LOG_CHANGED', { first: 0n, next: 4n, topic_id: 'a' }],
    ['LOG_CHANGED', { first: 0n, next: 9n, topic_id: 'b' }],
  ])('is refused if its messages were deleted or the log is another one: %s', (code, log) => {
    expect(() => checkLog(position, log, of)).toThrow(
      expect.objectContaining({ code: `ERR_CASSANDRA_KAFKA_${code}`, ...of, offset: '5' }),
    )
  })
})
