import { describe, expect, it } from 'vitest'
import { MessageRows, operationColumnOf, withoutOwnOperation } from '../../../lib/kafka/messageRows.ts'
import type { KafkaMessage } from '../../../lib/options/kafkaClient.ts'

const message = (value: string | null) =>
  ({ value: value === null ? null : Buffer.from(value) }) as KafkaMessage

const rowsOf = (given: unknown, value: string | null, more: object = {}) =>
  new MessageRows({
    row: () => given as object,
    tombstones: 'row',
    operation_column: undefined,
    delete_flag: undefined,
    ...more,
  }).of(message(value))

describe('the rows of a message', () => {
  it('are one, several, or none', () => {
    const row = { k: 1 }
    expect(rowsOf(row, 'x')[0]).toBe(row)
    expect(rowsOf([row, row], 'x')).toEqual([row, row])
    expect(rowsOf(null, 'x')).toEqual([])
    expect(rowsOf(undefined, 'x')).toEqual([])
    expect(rowsOf([], 'x')).toEqual([])
  })

  it('may not be a Promise, whose rejection is handled', () => {
    expect(() => rowsOf(Promise.reject(new Error('late')), 'x')).toThrow('it must not be async')
  })

  it('of a tombstone are marked as deletes by the property that the options name', () => {
    const tombstones = 'delete'
    const flag = { column: 'op', value: 'gone' }
    expect(rowsOf({ k: 1 }, null, { tombstones, operation_column: 'op' })).toEqual([{ k: 1, op: 'delete' }])
    expect(rowsOf({ k: 1 }, null, { tombstones, delete_flag: flag })).toEqual([{ k: 1, op: 'gone' }])
    expect(rowsOf({ k: 1, op: 'insert' }, 'x', { tombstones, operation_column: 'op' })).toEqual([
      { k: 1, op: 'insert' },
    ])
  })

  it('are marked by a property of the sink if the options name none', () => {
    const own = operationColumnOf({
      tombstones: 'delete',
      operation_column: undefined,
      delete_flag: undefined,
    })
    expect(own).not.toBeUndefined()
    const [deleted] = rowsOf({ k: 1 }, null, { tombstones: 'delete' })
    const [inserted] = rowsOf({ k: 1 }, 'x', { tombstones: 'delete' })
    expect([deleted, inserted]).toEqual([
      { k: 1, [String(own)]: 'delete' },
      { k: 1, [String(own)]: 'insert' },
    ])
    expect(withoutOwnOperation(deleted)).toEqual({ k: 1 })
    expect(
      operationColumnOf({ tombstones: 'row', operation_column: undefined, delete_flag: undefined }),
    ).toBeUndefined()
  })
})
