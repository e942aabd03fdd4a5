import { inspect } from 'node:util'

/** Characters that a terminal hides or changes, or that move its cursor. */
const invisible = /[\p{C}\p{DI}\p{Zl}\p{Zp}]|(?! )\p{Zs}/gu

/** A text with its invisible characters written as escapes, such as a byte order mark or a carriage return. */
export function escaped(text: string): string {
  return text.replace(invisible, character => `\\u{${character.codePointAt(0)?.toString(16)}}`)
}

/** Matches URLs with a login, connection strings, and keys in PEM. The word `token` alone is how other tools batch rows. */
const mayHoldPassword = /[@=]|pass|pwd|secret|credential|token(?!'$)|-----/i

/** The value of an option as a message shows it: short, on one line, and never with a password or the content of an object. */
export function shown(value: unknown): string {
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'an array' : 'an object'
  if (typeof value === 'function') return 'a function'
  const whole = inspect(value, { maxStringLength: 10_000, breakLength: Infinity })
  if (mayHoldPassword.test(whole)) return `a value of type ${typeof value}`
  const short = inspect(value, { maxStringLength: 60, breakLength: Infinity }).slice(0, 80)
  return `\`${escaped(short)}\``
}
