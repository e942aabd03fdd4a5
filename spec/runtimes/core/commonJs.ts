import { equal } from 'node:assert/strict'
import { createRequire } from 'node:module'
import * as imported from 'cassandra-streams'
import type { Suite } from './suite.ts'

const require = createRequire(import.meta.url)

export const commonJs: Suite = {
  async 'gives require() the same classes and functions as import'() {
    const required: unknown = require('cassandra-streams')
    for (const [name, value] of Object.entries(imported)) {
      equal((required as Record<string, unknown>)[name], value, name)
    }
  },
}
