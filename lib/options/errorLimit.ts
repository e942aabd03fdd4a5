import type { Kind } from './entry.ts'

/** How many rows may be bad: a number, or a share of all. */
export interface ErrorLimit {
  readonly most: number
  readonly isPercent: boolean
}

const percent = /^(\d{1,3}(?:\.\d{1,6})?)\s*%$/
const digits = /^(?:0|[1-9]\d{0,15})$/

export const errorLimit: Kind<ErrorLimit> = {
  expected: 'a whole number of rows, or a share such as 1% as text',
  read: given => {
    if (typeof given === 'number') return { most: given, isPercent: false }
    if (typeof given !== 'string') return given
    if (digits.test(given)) return { most: Number(given), isPercent: false }
    const [, share] = percent.exec(given) ?? []
    return share === undefined ? given : { most: Number(share), isPercent: true }
  },
  accepts: (value): value is ErrorLimit => {
    if (typeof value !== 'object' || value === null) return false
    const { most, isPercent } = value as ErrorLimit
    return isPercent ? most >= 0 && most <= 100 : Number.isSafeInteger(most) && most >= 0
  },
}
