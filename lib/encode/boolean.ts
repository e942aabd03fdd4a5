import { Refusal, wrongKind } from './refusal.ts'

const yes = Buffer.from([1])
const no = Buffer.from([0])

export function encodeBoolean(value: unknown): Buffer {
  if (value === true) return yes
  if (value === false) return no
  if (typeof value !== 'string') throw wrongKind(value)
  if (/^true$/i.test(value)) return yes
  if (/^false$/i.test(value)) return no
  throw new Refusal(value, 'is neither true nor false')
}
