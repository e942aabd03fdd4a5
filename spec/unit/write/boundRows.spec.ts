import type { Client } from 'cassandra-driver'
import { types } from 'cassandra-driver'
import { describe, expect, it } from 'vitest'
import { type EncodedRow, stamp, valuesOf } from '../../../lib/row/encodedRow.ts'
import { rowExecutor } from '../../../lib/write/boundRows.ts'
import { encodeAll } from '../batch/rows.ts'

/** Types that the driver does not know. They match any type. */
const columns = Array.from({ length: 40 }, () => ({ type: { code: types.dataTypes.custom } }))

interface Frame {
  add(bytes: Buffer): void
}

/** The driver's request, as far as it is used. */
class KnownRequest {
  readonly consistency = types.consistencies.quorum
  params: unknown
  readonly meta: unknown = { columns }

  constructor(params: unknown) {
    this.params = params
  }

  writeQueryParameters(frame: Frame, _encoder: unknown, _isQuery?: boolean): void {
    for (const value of this.params as Buffer[]) frame.add(value)
  }
}

class RequestWithoutTheMethod {
  readonly consistency = types.consistencies.quorum
  readonly params: unknown
  readonly meta = { columns }

  constructor(params: unknown) {
    this.params = params
  }
}

class RequestThatWritesToOneThing extends KnownRequest {
  override writeQueryParameters(frame: Frame): void {
    super.writeQueryParameters(frame, undefined)
  }
}

class RequestWithAMethodOfItsOwn extends KnownRequest {
  override writeQueryParameters = (frame: Frame, _encoder: unknown) => {
    for (const value of this.params as Buffer[]) frame.add(value)
  }
}

class RequestWithACopy extends KnownRequest {
  constructor(params: unknown) {
    super([...(params as unknown[])])
  }
}

class RequestWithoutTypes extends KnownRequest {
  override readonly meta = {}
}

class RequestWithANamedLevel extends KnownRequest {
  override readonly consistency = 'quorum' as unknown as number
}

type RequestClass = new (params: unknown) => object

/** The part of the driver that makes requests. `execute()` returns what it would write, one buffer per call of `add`. */
class Driver {
  readonly options: { requestTracker?: object } = {}
  readonly metadata = { clearPrepared: () => {} }
  readonly written: Buffer[][] = []
  requests = 0
  readonly #request: RequestClass

  constructor(request: RequestClass) {
    this.#request = request
  }

  async _createExecuteRequest(_cql: string, _id: unknown, _info: unknown, params: unknown): Promise<object> {
    this.requests++
    return new this.#request(params)
  }

  async execute(cql: string, params: unknown): Promise<void> {
    const request = await this._createExecuteRequest(cql, 'id', {}, params)
    const frame: Buffer[] = []
    if ('writeQueryParameters' in request) {
      const { writeQueryParameters } = request as KnownRequest
      writeQueryParameters.call(
        request as KnownRequest,
        { add: bytes => frame.push(bytes) },
        { protocolVersion: 4 },
      )
    } else frame.push(...((request as { params: Buffer[] }).params as Buffer[]))
    this.written.push(frame)
  }
}

const rows = (): EncodedRow[] => {
  const encoded = encodeAll([0, 1, 2].map(c => ({ p: 1, c, v: `v${c}` })))
  for (const row of encoded) stamp(row, 1_000)
  return encoded
}

/** Sends rows twice through one executor. Returns the written buffers of each time. */
async function sentBy(driver: Driver): Promise<Buffer[][]> {
  const table = { readAt: 0, suspect: () => {} }
  const execute = rowExecutor(driver as unknown as Client, new AbortController().signal, table)
  for (let i = 0; i < 2; i++) {
    const error = await new Promise(settled => execute('INSERT', rows(), {}, 5_000, settled))
    expect(error).toBeUndefined()
  }
  return driver.written
}

const values = rows().flatMap(valuesOf)

describe('rows in a request of the driver', () => {
  it('are written as they are, after the consistency, a flag and their number', async () => {
    const written = await sentBy(new Driver(KnownRequest))
    const sized = values.flatMap(value => {
      const length = Buffer.alloc(4)
      length.writeInt32BE(Buffer.isBuffer(value) ? value.length : value === null ? -1 : -2)
      return Buffer.isBuffer(value) ? [length, value] : [length]
    })
    const head = Buffer.from([0, types.consistencies.quorum, 1, 0, values.length])
    expect(written).toEqual([[Buffer.concat([head, ...sized])], [Buffer.concat([head, ...sized])]])
  })

  it('are passed to the driver value by value while a request tracker is set', async () => {
    const driver = new Driver(KnownRequest)
    driver.options.requestTracker = {}
    expect(await sentBy(driver)).toEqual([values, values])
  })

  it.each(
    [
      RequestWithoutTheMethod,
      RequestThatWritesToOneThing,
      RequestWithAMethodOfItsOwn,
      RequestWithACopy,
      RequestWithoutTypes,
      RequestWithANamedLevel,
    ].map(form => ({ name: form.name, form })),
  )('are passed to the driver value by value if it has a $name, which is tried once', async ({ form }) => {
    const driver = new Driver(form)
    expect(await sentBy(driver)).toEqual([values, values])
    expect(driver.requests).toBe(3)
  })
})
