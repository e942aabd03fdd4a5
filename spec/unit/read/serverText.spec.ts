import { describe, expect, it } from 'vitest'
import { type ErrorParser, keepServerText } from '../../../lib/read/serverText.ts'
import { errorFrame, short, string } from '../../proxy/frame.ts'

const READ_FAILURE = 0x1300
const OVERLOADED = 0x1001
const WARNINGS = 0x08
const TRACING = 0x02

/** The message after the driver has parsed an error. It replaces that of a read failure. */
function messageOf(code: number, { flags = 0, before = Buffer.alloc(0), isWanted = true } = {}): string {
  const messages: string[] = []
  const parser: ErrorParser = {
    parseBody() {
      this.push({ error: { message: "the driver's" } })
    },
    push({ error }) {
      messages.push(error?.message ?? '')
      return true
    },
  }
  keepServerText(parser, () => isWanted)
  const chunk = Buffer.concat([Buffer.from('other'), before, errorFrame(0, code, "the server's").body])
  parser.parseBody({}, { header: { opcode: 0, flags }, chunk, offset: 5 })
  parser.push({ error: { message: 'of the next answer' } })
  expect(messages[1]).toBe('of the next answer')
  return messages[0] as string
}

describe('the text of a read failure', () => {
  it("is the server's own", () => {
    expect(messageOf(READ_FAILURE)).toBe("the server's")
  })

  it('comes after warnings', () => {
    const before = Buffer.concat([short(2), string('Read 900 tombstones'), string('é')])
    expect(messageOf(READ_FAILURE, { flags: WARNINGS, before })).toBe("the server's")
  })

  it.each([
    ['of another error', OVERLOADED, {}],
    ['of a request of somebody else', READ_FAILURE, { isWanted: false }],
    ['after parts that we do not ask for', READ_FAILURE, { flags: TRACING, before: Buffer.alloc(16) }],
  ])('stays as it is %s', (_, code, more) => {
    expect(messageOf(code, more)).toBe("the driver's")
  })
})
