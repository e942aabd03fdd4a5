/** Frames of Cassandra's native protocol v4 (§2): version, flags, stream id, opcode, length, body. */

const HEADER_BYTES = 9

export const opcodes = {
  error: 0,
  startup: 1,
  ready: 2,
  query: 7,
  result: 8,
  prepare: 9,
  execute: 10,
  register: 11,
  batch: 13,
}

/** A view of a frame's bytes. */
export class Frame {
  readonly bytes: Buffer

  constructor(bytes: Buffer) {
    this.bytes = bytes
  }

  get flags(): number {
    return this.bytes.readUInt8(1)
  }

  get stream(): number {
    return this.bytes.readInt16BE(2)
  }

  get opcode(): number {
    return this.bytes.readUInt8(4)
  }

  get body(): Buffer {
    return this.bytes.subarray(HEADER_BYTES)
  }

  /** The same frame with another stream id. */
  onStream(stream: number): Frame {
    const copy = Buffer.from(this.bytes)
    copy.writeInt16BE(stream, 2)
    return new Frame(copy)
  }
}

/** Cuts the bytes of a socket into frames. */
export class FrameReader {
  #rest = Buffer.alloc(0)

  read(chunk: Buffer): Frame[] {
    const frames: Frame[] = []
    let bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk])
    while (bytes.length >= HEADER_BYTES) {
      const end = HEADER_BYTES + bytes.readUInt32BE(5)
      if (bytes.length < end) break
      frames.push(new Frame(bytes.subarray(0, end)))
      bytes = bytes.subarray(end)
    }
    this.#rest = Buffer.from(bytes)
    return frames
  }
}

function frameOf(version: number, stream: number, opcode: number, body: Buffer): Frame {
  const header = Buffer.alloc(HEADER_BYTES)
  header.writeUInt8(version, 0)
  header.writeInt16BE(stream, 2)
  header.writeUInt8(opcode, 4)
  header.writeUInt32BE(body.length, 5)
  return new Frame(Buffer.concat([header, body]))
}

export const short = (value: number) => Buffer.from([value >> 8, value & 0xff])
export const int = (value: number) => {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}
export const string = (value: string) => Buffer.concat([short(Buffer.byteLength(value)), Buffer.from(value)])

export function startupFrame(): Frame {
  const body = Buffer.concat([short(1), string('CQL_VERSION'), string('3.0.0')])
  return frameOf(0x04, 0, opcodes.startup, body)
}

/** Codes of transient server errors (§9). */
export const faultCodes = {
  serverError: 0x0000,
  unavailable: 0x1000,
  overloaded: 0x1001,
  bootstrapping: 0x1002,
  writeTimeout: 0x1100,
  readTimeout: 0x1200,
  readFailure: 0x1300,
  writeFailure: 0x1500,
  invalid: 0x2200,
}

export const LOCAL_QUORUM = short(6)

/**
 * What follows code and message in the body, for a request whose only replica did not answer. Without it the driver reads
 * past the end of the error, and closes the connection instead of failing the request.
 */
const details: Readonly<Record<number, Buffer>> = {
  [faultCodes.unavailable]: Buffer.concat([LOCAL_QUORUM, int(1), int(0)]),
  [faultCodes.writeTimeout]: Buffer.concat([LOCAL_QUORUM, int(0), int(1), string('UNLOGGED_BATCH')]),
  [faultCodes.readTimeout]: Buffer.concat([LOCAL_QUORUM, int(0), int(1), Buffer.from([0])]),
  [faultCodes.readFailure]: Buffer.concat([LOCAL_QUORUM, int(0), int(1), int(1), Buffer.from([0])]),
  [faultCodes.writeFailure]: Buffer.concat([LOCAL_QUORUM, int(0), int(1), int(1), string('UNLOGGED_BATCH')]),
}

/** @param rest what follows code and message in the body */
export function errorFrame(
  stream: number,
  code: number,
  message: string,
  rest = details[code] ?? Buffer.alloc(0),
): Frame {
  const body = Buffer.concat([int(code), string(message), rest])
  return frameOf(0x84, stream, opcodes.error, body)
}

/** The text of a PREPARE or QUERY. */
export function cqlOf({ body }: Frame): string {
  return body.toString('utf8', 4, 4 + body.readUInt32BE())
}

/** The id with which an EXECUTE begins. */
export function executedId({ body }: Frame): string {
  return body.toString('hex', 2, 2 + body.readUInt16BE())
}

/** What follows the id of an EXECUTE: its [query_parameters] (§4.1.4). */
export function parametersOf({ body }: Frame): Buffer {
  return body.subarray(2 + body.readUInt16BE())
}

/** The consistency levels of a QUERY or EXECUTE. Undefined for a serial level that the request leaves to the server. */
export function levelsOf(frame: Frame): {
  readonly consistency: number
  readonly serial: number | undefined
} {
  const { consistency, serial } = optionsOf(frame)
  return { consistency, serial }
}

/** The rows that the page of a QUERY or EXECUTE may have. Undefined without pages. */
export function pageRowsOf(frame: Frame): number | undefined {
  return optionsOf(frame).pageRows
}

function optionsOf(frame: Frame) {
  const { body, opcode } = frame
  const parameters = opcode === opcodes.query ? body.subarray(4 + body.readUInt32BE()) : parametersOf(frame)
  const flag = { values: 0x01, pageSize: 0x04, pagingState: 0x08, serial: 0x10, names: 0x40 }
  const flags = parameters.readUInt8(2)
  const has = (bit: number) => (flags & bit) !== 0
  if (has(flag.names)) throw new Error('Expected values without names')
  let at = 3
  const skipBytes = () => {
    at += 4 + Math.max(0, parameters.readInt32BE(at))
  }
  if (has(flag.values)) {
    const values = parameters.readUInt16BE(at)
    at += 2
    for (let i = 0; i < values; i++) skipBytes()
  }
  const pageRows = has(flag.pageSize) ? parameters.readInt32BE(at) : undefined
  if (pageRows !== undefined) at += 4
  if (has(flag.pagingState)) skipBytes()
  return {
    consistency: parameters.readUInt16BE(),
    pageRows,
    serial: has(flag.serial) ? parameters.readUInt16BE(at) : undefined,
  }
}

/** The id of the statement that an answer says is prepared. */
export function preparedId({ opcode, flags, body }: Frame): string | undefined {
  const PREPARED = 4
  if (opcode !== opcodes.result || flags !== 0 || body.readInt32BE() !== PREPARED) return undefined
  return body.toString('hex', 6, 6 + body.readUInt16BE(4))
}
