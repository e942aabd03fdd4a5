import { describe, expect, it } from 'vitest'
import { row, serverError } from './support.ts'
import { automatic, noUnhandledRejections, reasonOf, type WebScene, webScene } from './webSupport.ts'

noUnhandledRejections()

const over: readonly (readonly [string, () => Promise<WebScene>])[] = [
  [
    'close()',
    async () => {
      const scene = webScene({}, automatic)
      await scene.stream.close()
      return scene
    },
  ],
  [
    'abort()',
    async () => {
      const scene = webScene({}, automatic)
      await scene.stream.abort()
      return scene
    },
  ],
  [
    'opening failed',
    async () => {
      const scene = webScene({}, client => {
        client.connectError = new Error('no network')
      })
      await reasonOf(scene.stream.close())
      return scene
    },
  ],
  [
    'a write failed',
    async () => {
      const scene = webScene()
      const writer = scene.stream.getWriter()
      await writer.write(row(1))
      ;(await scene.client.nextWrite()).fail(serverError(0x2100, 'no permission'))
      await reasonOf(writer.closed)
      return scene
    },
  ],
  [
    'it was disposed of',
    async () => {
      const scene = webScene({}, automatic)
      await scene.stream[Symbol.asyncDispose]()
      return scene
    },
  ],
]

describe('`acknowledged`', () => {
  it.each(over)('ends at once if it is first read after %s', async (_, end) => {
    const { stream } = await end()
    expect(await stream.acknowledged.getReader().read()).toEqual({ done: true, value: undefined })
  })

  it('gives the last value to a reader that comes after the end, if the property was accessed before the end', async () => {
    const { stream } = webScene({}, automatic)
    const { acknowledged } = stream
    const writer = stream.getWriter()
    for (const id of [0, 1]) await writer.write(row(id))
    await writer.close()
    const reader = acknowledged.getReader()
    expect(await reader.read()).toEqual({ done: false, value: { row_index: 1, position: null } })
    expect(await reader.read()).toEqual({ done: true, value: undefined })
    expect(stream.acknowledged).toBe(acknowledged)
  })
})
