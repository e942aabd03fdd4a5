import { expect, it } from 'vitest'
import { Latest } from '../../../lib/sink/latest.ts'

it('the latest value is read before the error of its stream', async () => {
  const latest = new Latest<number>()
  latest.tell(1)
  latest.tell(2)
  latest.end(new Error('the sink failed'))
  const reader = latest.stream.getReader()
  expect(await reader.read()).toEqual({ value: 2, done: false })
  await expect(reader.read()).rejects.toThrow('the sink failed')
})

it('the error comes at once if no value waits', async () => {
  const latest = new Latest<number>()
  latest.end(new Error('the sink failed'))
  await expect(latest.stream.getReader().read()).rejects.toThrow('the sink failed')
})
