import type { PageBuffers } from './pageBuffers.ts'
import { ReusedPage } from './rawPage.ts'
import { type ErrorParser, keepServerText } from './serverText.ts'

/** The used parts of a connection's parser of answers, which the driver's types lack. */
export interface Parser extends ErrorParser {
  parseRows(frame: FrameState, reader: FrameReader): void
  getFrameBuffer(frame: FrameState, last: FrameChunk): Buffer
  setOptions(streamId: number, options: object): void
  push(item: object): boolean
}

/** Marks the answer whose rows stay bytes. */
export interface PageMark {
  /** Memory for an answer that comes in several chunks. */
  readonly pageBuffers?: PageBuffers
}

interface FrameState extends PageMark {
  readonly header: { readonly bodyLength: number }
  readonly meta: object
  readonly flagsInfo?: object
  /** Chunks before the last one. */
  buffers?: readonly Buffer[] | null
}

interface FrameChunk {
  readonly chunk: Buffer
}

interface FrameReader {
  readonly buf: Buffer
  readonly offset: number
  readInt(): number
}

export function isKnownParser({ parseRows, getFrameBuffer, setOptions, push }: Parser): boolean {
  return [parseRows, getFrameBuffer, setOptions, push].every(method => typeof method === 'function')
}

/** Parsers that leave marked pages as they are. */
const adapted = new WeakSet<Parser>()

/** Makes a parser push the rows of marked answers as bytes. It handles all others as before. */
export function takeRawPages(parser: Parser): void {
  if (adapted.has(parser)) return
  adapted.add(parser)
  keepServerText(parser, frame => (frame as FrameState).pageBuffers !== undefined)
  const { parseRows, getFrameBuffer } = parser
  parser.getFrameBuffer = function (frame, last) {
    const { pageBuffers, buffers, header } = frame
    if (pageBuffers === undefined || !Array.isArray(buffers)) return getFrameBuffer.call(this, frame, last)
    frame.buffers = null
    return pageBuffers.join([...buffers, last.chunk], header.bodyLength)
  }
  parser.parseRows = function (frame, reader) {
    const { pageBuffers } = frame
    if (pageBuffers === undefined) {
      parseRows.call(this, frame, reader)
      return
    }
    const length = reader.readInt()
    const { buf: bytes, offset: start } = reader
    // Other answers may follow in the same bytes.
    const size = Math.min(bytes.length - start, frame.header.bodyLength)
    const page = { bytes, start, length, size }
    const rows = pageBuffers.hasLent(bytes) ? new ReusedPage(page, pageBuffers) : page
    this.push({ header: frame.header, result: { rows, meta: frame.meta, flags: frame.flagsInfo } })
  }
}
