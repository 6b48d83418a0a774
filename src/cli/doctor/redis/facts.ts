export type RedisFacts = { readonly todo: true }
