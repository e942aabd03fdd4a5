import { expect, it } from 'vitest'
import { bytesOfRecord, copyOfRecord } from '../../../lib/kafka/recordBytes.ts'

it('a copy of a record shares no memory with the response that the record came in', () => {
  const response = Buffer.alloc(100_000, 'x')
  const part = (from: number) => response.subarray(from, from + 20)
  const record = {
    topic: 't',
    partition: 1,
    offset: 7n,
    timestamp: 5,
    key: part(0),
    value: part(50),
    headers: [
      ['name', part(90)],
      ['none', null],
    ] as const,
  }
  const copy = copyOfRecord(record)
  expect(copy).toEqual(record)
  expect(bytesOfRecord(copy)).toBe(bytesOfRecord(record))
  const bytes = [copy.key, copy.value, copy.headers[0]?.[1]]
  for (const each of bytes) expect(each?.buffer).not.toBe(response.buffer)
  expect(copyOfRecord({ ...record, key: null, value: null }).value).toBeNull()
})
