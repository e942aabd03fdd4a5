import { type Bytes, trueLength } from './bytes.ts'
import { field, isDriver } from './driverValue.ts'
import { Refusal, wrongKind } from './refusal.ts'

const colon = 0x3a
const point = 0x2e
const zero = 0x30

/** Prefix of an IPv4 address written as IPv6. */
const mappedPrefix = Buffer.from('00000000000000000000ffff', 'hex')

/** To CQL and Java, `::ffff:10.1.2.3` is the IPv4 address 10.1.2.3, so that one address has one form. */
export function encodeInet(value: unknown, out: Bytes): void {
  const address = addressOf(value)
  const isMapped = trueLength(address) === 16 && mappedPrefix.compare(address, 0, 12) === 0
  out.add(isMapped ? address.subarray(12) : address)
}

function addressOf(value: unknown): Uint8Array {
  if (typeof value === 'string') return parseInet(value)
  if (typeof value !== 'object' || value === null || !isDriver(value, 'InetAddress')) throw wrongKind(value)
  const bytes = field(value, 'buffer')
  const length = bytes instanceof Uint8Array ? trueLength(bytes) : 0
  if (length !== 4 && length !== 16) throw new Refusal(value, 'has neither 4 nor 16 bytes')
  return bytes as Uint8Array
}

function parseInet(text: string): Buffer {
  const isIpv6 = text.includes(':')
  const bytes = Buffer.allocUnsafe(isIpv6 ? 16 : 4)
  if (isIpv6 ? writeIpv6(bytes, text) : writeIpv4(bytes, 0, text, 0)) return bytes
  throw new Refusal(
    text,
    text.includes('%') ? 'has a zone, which Cassandra does not store' : 'is not an IPv4 or IPv6 address',
  )
}

/** Reads the rest of a text as IPv4. Leading zeros are refused, because some readers take them as octal: 010 is 8 or 10. */
function writeIpv4(bytes: Buffer, offset: number, text: string, from: number): boolean {
  let at = from
  for (let part = 0; part < 4; part++) {
    if (part > 0 && text.charCodeAt(at++) !== point) return false
    const start = at
    let byte = 0
    for (let digit = decimalDigit(text, at); digit >= 0 && at < start + 3; digit = decimalDigit(text, at)) {
      byte = byte * 10 + digit
      at++
    }
    if (at === start || byte > 255 || (at > start + 1 && text.charCodeAt(start) === zero)) return false
    bytes[offset + part] = byte
  }
  return at === text.length
}

function writeIpv6(bytes: Buffer, text: string): boolean {
  let size = 0
  let gap = -1
  let at = 0
  while (at < text.length) {
    if (text.charCodeAt(at) === colon) {
      // A colon separates two groups, or is the first of a pair.
      if (text.charCodeAt(at + 1) === colon) {
        if (gap >= 0) return false
        gap = size
        at += 2
        if (at === text.length) break
      } else {
        if (size === 0 || gap === size) return false
        at++
      }
    }
    if (size === 16) return false
    const end = groupEnd(text, at)
    if (text.charCodeAt(end) === point) {
      if (size > 12 || !writeIpv4(bytes, size, text, at)) return false
      size += 4
      break
    }
    if (end === at) return false
    const group = Number.parseInt(text.slice(at, end), 16)
    bytes[size++] = group >> 8
    bytes[size++] = group
    at = end
    if (at < text.length && text.charCodeAt(at) !== colon) return false
  }
  return fillGap(bytes, gap, size)
}

/** Inserts the zeros of `::`, at least one group, in its place. */
function fillGap(bytes: Buffer, gap: number, size: number): boolean {
  if (gap < 0) return size === 16
  if (size > 14) return false
  bytes.copyWithin(16 - (size - gap), gap, size)
  bytes.fill(0, gap, 16 - (size - gap))
  return true
}

function groupEnd(text: string, from: number): number {
  let at = from
  while (at < from + 4 && isHexDigit(text.charCodeAt(at))) at++
  return at
}

function isHexDigit(code: number): boolean {
  const letter = code | 0x20
  return (code >= zero && code <= zero + 9) || (letter >= 0x61 && letter <= 0x66)
}

function decimalDigit(text: string, at: number): number {
  const digit = text.charCodeAt(at) - zero
  return digit >= 0 && digit <= 9 ? digit : -1
}

/** The shortest form: the longest run of two or more zero groups is left out. */
export function decodeInet(bytes: Buffer, from: number, to: number): string {
  if (to - from === 4) return `${bytes[from]}.${bytes[from + 1]}.${bytes[from + 2]}.${bytes[from + 3]}`
  const groups = Array.from({ length: 8 }, (_, i) => bytes.readUInt16BE(from + 2 * i))
  const { start, length } = longestZeros(groups)
  const hex = (part: readonly number[]) => part.map(group => group.toString(16)).join(':')
  if (length < 2) return hex(groups)
  return `${hex(groups.slice(0, start))}::${hex(groups.slice(start + length))}`
}

function longestZeros(groups: readonly number[]): { readonly start: number; readonly length: number } {
  let longest = { start: 0, length: 0 }
  for (let start = 0; start < groups.length; start++) {
    let end = start
    while (groups[end] === 0) end++
    if (end - start > longest.length) longest = { start, length: end - start }
  }
  return longest
}
