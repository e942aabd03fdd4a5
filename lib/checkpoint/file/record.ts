import { Buffer } from 'node:buffer'
import { createHash } from 'node:crypto'
import type { Json } from '../../json.ts'

/*
 * One record per line: `<checksum> <checksum of the record before> <length> <JSON>\n`. The checksum covers the rest of the line
 * after it. JSON text contains no line feed and no NUL, so a line feed always ends a record. The length tells an incomplete
 * record from one whose line feed is damaged.
 */

const SUM_LENGTH = 32
const LENGTH_DIGITS = 8
const HEAD_LENGTH = SUM_LENGTH + 1 + SUM_LENGTH + 1 + LENGTH_DIGITS + 1
const LINE_FEED = 0x0a

/** Longest JSON text of one record, in bytes. */
const MAX_RECORD_LENGTH = 16 * 2 ** 20

/** A record and its place in a file. */
export interface RecordAt {
  /** Byte at which it begins. */
  readonly offset: number
  readonly checksum: string
  readonly body: Json
}

/** The complete records of a file. */
export interface Records {
  readonly records: readonly RecordAt[]
  /** Byte after the last record. Less than the length of the file if a crash cut the last append short. */
  readonly end: number
}

/** The bytes of a file differ from what was written. */
export class Damage extends Error {
  readonly offset: number

  constructor(offset: number, reason: string) {
    super(reason)
    this.offset = offset
  }
}

export function checksumOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex').slice(0, SUM_LENGTH)
}

/** The line of a record that follows the one with checksum `previous`. */
export function encodeRecord(previous: string, body: object): { bytes: Buffer; checksum: string } {
  const json = Buffer.from(JSON.stringify(body))
  if (json.length > MAX_RECORD_LENGTH)
    throw new RangeError(`a record has ${json.length} bytes, expected at most ${MAX_RECORD_LENGTH}`)
  const length = json.length.toString().padStart(LENGTH_DIGITS, '0')
  const covered = Buffer.concat([Buffer.from(`${previous} ${length} `), json])
  const checksum = checksumOf(covered)
  return { bytes: Buffer.concat([Buffer.from(`${checksum} `), covered, Buffer.from('\n')]), checksum }
}

/**
 * Reads the records from `start` to the end. An incomplete last record, as a crash during an append leaves it, is dropped.
 * @throws Damage for any other difference from what was written.
 */
export function readRecords(bytes: Buffer, start: number, previous: string): Records {
  const records: RecordAt[] = []
  let offset = start
  let checksum = previous
  while (offset < bytes.length) {
    const end = bytes.indexOf(LINE_FEED, offset)
    if (end === -1) {
      checkCut(bytes.subarray(offset), checksum, offset)
      break
    }
    const record = readRecord(bytes.subarray(offset, end), checksum, offset)
    records.push(record)
    checksum = record.checksum
    offset = end + 1
  }
  return { records, end: offset }
}

function readRecord(line: Buffer, previous: string, offset: number): RecordAt {
  const covered = line.subarray(SUM_LENGTH + 1)
  const checksum = checksumOf(covered)
  if (line.toString('latin1', 0, SUM_LENGTH + 1) !== `${checksum} `) {
    throw new Damage(offset, 'the checksum does not match')
  }
  if (covered.toString('latin1', 0, SUM_LENGTH) !== previous) {
    throw new Damage(
      offset,
      'it does not follow the record before it: a record is missing, or two changed places',
    )
  }
  return { offset, checksum, body: JSON.parse(line.toString('utf8', HEAD_LENGTH)) }
}

/**
 * Checks that the bytes after the last line feed are what a crash can leave of an append. These are the first bytes of a record,
 * perhaps followed by NULs if the file system stored the new size before the bytes. They are shorter than the record.
 */
function checkCut(tail: Buffer, previous: string, offset: number): void {
  let end = tail.length
  while (end > 0 && tail[end - 1] === 0) end--
  const text = tail.toString('latin1', 0, end)
  const chain = ` ${previous} `
  const digits = text.slice(SUM_LENGTH + chain.length, HEAD_LENGTH)
  const json = text.slice(HEAD_LENGTH)
  const length = /^\d{8} $/.test(digits) ? Number(digits) : MAX_RECORD_LENGTH
  const room = HEAD_LENGTH + length - tail.length
  const isCut =
    /^[\da-f]*$/.test(text.slice(0, SUM_LENGTH)) &&
    chain.startsWith(text.slice(SUM_LENGTH, SUM_LENGTH + chain.length)) &&
    /^(\d{0,8}|\d{8} )$/.test(digits) &&
    !/[^\x20-\xff]/.test(json) &&
    (end < tail.length ? room >= -1 : room >= 0)
  if (!isCut) throw new Damage(offset, 'the last record is incomplete in a way that no crash causes')
  // Only the line feed is missing.
  if (json.length === length) readRecord(tail.subarray(0, end), previous, offset)
}
