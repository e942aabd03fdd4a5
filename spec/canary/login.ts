/**
 * The login of the sinks that specs open. A server that asks for no login accepts any. CI chooses the password, and fails if
 * anything that it prints contains it.
 */
export const login = { username: 'canary', password: process.env['CANARY'] || 'canary-9c1f7b2e6d' }
