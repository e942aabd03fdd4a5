import { expect, it } from 'vitest'
import { Latest } from '../../../lib/sink/latest.ts'
import { settled } from '../../stream/support.ts'

it('the latest value is read before the error of its stream', async () => {
  const latest = new Latest<number>()
  latest.tell(1)
  latest.tell(2)
  latest.end(new Error('the sink failed'))
  const reader = latest.stream.getReader()
  expect(await reader.read()).toEqual({ value: 2, done: false })
  await expect(reader.read()).rejects.toThrow('the sink failed')
})

it.each([
  ['without an error', undefined],
  ['with another error', new Error('destroyed')],
])('the error is the first one if the stream ends again %s', async (_, second) => {
  const latest = new Latest<number>()
  latest.tell(1)
  latest.end(new Error('the sink failed'))
  latest.end(second)
  const reader = latest.stream.getReader()
  expect(await reader.read()).toEqual({ value: 1, done: false })
  await expect(reader.read()).rejects.toThrow('the sink failed')
})

it('the error comes at once if no value waits', async () => {
  const latest = new Latest<number>()
  latest.end(new Error('the sink failed'))
  await expect(latest.stream.getReader().read()).rejects.toThrow('the sink failed')
})

it('each value goes to one of several reads that wait', async () => {
  const latest = new Latest<number>()
  const reader = latest.stream.getReader()
  const reads = Array.from({ length: 4 }, () => reader.read())
  await settled()
  for (const value of [1, 2, 3]) {
    latest.tell(value)
    await settled()
  }
  latest.end()
  expect((await Promise.all(reads)).map(({ value }) => value)).toEqual([1, 2, 3, undefined])
})

it('the last value goes to the first of several reads that wait, and the error to the others', async () => {
  const latest = new Latest<number>()
  const reader = latest.stream.getReader()
  const reads = [reader.read(), reader.read()]
  await settled()
  latest.tell(1)
  latest.end(new Error('the sink failed'))
  expect(await Promise.allSettled(reads)).toMatchObject([
    { value: { value: 1 } },
    { reason: { message: 'the sink failed' } },
  ])
})
