import { expect, it } from 'vitest'
import { SilentBrokers } from '../../../lib/kafka/silentBrokers.ts'

const [a, b, c] = ['a', 'b', 'c'].map(host => ({ host, port: 1 }))
if (a === undefined || b === undefined || c === undefined) throw new Error('Expected three brokers')
const brokers = [a, b, c]

it('a broker that does not answer for two seconds comes after those that do, until it answers', () => {
  const silent = new SilentBrokers({ retry_timeout_ms: 60_000 })
  silent.asked(a, 0)
  silent.asked(a, 1_500)
  expect(silent.ordered(brokers, 1_999)).toEqual([a, b, c])
  expect(silent.ordered(brokers, 2_000)).toEqual([b, c, a])
  silent.answered(a)
  silent.asked(a, 2_500)
  expect(silent.ordered(brokers, 3_000)).toEqual([a, b, c])
})

it('of several brokers that do not answer, the one that was asked last is the last', () => {
  const silent = new SilentBrokers({ retry_timeout_ms: 60_000 })
  for (const broker of brokers) silent.asked(broker, 0)
  silent.asked(b, 3_000)
  silent.overdue(a, 4_000)
  expect(silent.ordered(brokers, 5_000)).toEqual([c, b, a])
})
