/** The used parts of an answer whose bytes are complete. */
interface Answer {
  readonly header: { readonly opcode: number; readonly flags: number }
  readonly chunk: Buffer
  readonly offset: number
}

/** What a parser hands on. */
interface Parsed {
  readonly error?: { message: string }
}

/** The used parts of a connection's parser of answers. */
export interface ErrorParser {
  parseBody(frame: object, answer: Answer): void
  push(item: Parsed): boolean
}

/** Parts of the native protocol, v4 §2.2, §2.4 and §9. */
const ERROR = 0x00
const WARNINGS = 0x08
const READ_FAILURE = 0x1300

/**
 * Gives the errors of some answers the server's own text. The driver replaces that of a read failure by one without the reason, such
 * as `READ_TOO_MANY_TOMBSTONES`.
 */
export function keepServerText(parser: ErrorParser, isWanted: (frame: object) => boolean): void {
  const { parseBody } = parser
  if (typeof parseBody !== 'function') return
  parser.parseBody = function (frame, answer) {
    if (answer.header.opcode !== ERROR || !isWanted(frame)) {
      parseBody.call(this, frame, answer)
      return
    }
    const { push } = this
    this.push = item => {
      const text = textOf(answer)
      if (item.error !== undefined && text !== undefined) item.error.message = text
      return push.call(this, item)
    }
    try {
      parseBody.call(this, frame, answer)
    } finally {
      this.push = push
    }
  }
}

/** The text of a read failure. */
function textOf({ header: { flags }, chunk, offset }: Answer): string | undefined {
  let at = offset
  if ((flags & ~WARNINGS) !== 0) return undefined
  if (flags === WARNINGS) {
    const warnings = chunk.readUInt16BE(at)
    at += 2
    for (let i = 0; i < warnings; i++) at += 2 + chunk.readUInt16BE(at)
  }
  if (chunk.readInt32BE(at) !== READ_FAILURE) return undefined
  const start = at + 4 + 2
  return chunk.toString('utf8', start, start + chunk.readUInt16BE(at + 4))
}
