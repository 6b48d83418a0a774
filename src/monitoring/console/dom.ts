/** The part of the browser that the console uses, as types: the rest of the project is compiled without a DOM. */

export type PageElement = {
  id: string
  className: string
  textContent: string | null
  hidden: boolean
  readonly clientWidth: number
  readonly style: { setProperty(name: string, value: string): void }
  setAttribute(name: string, value: string): void
  append(...children: (PageElement | string)[]): void
  replaceChildren(...children: (PageElement | string)[]): void
  isEqualNode(other: PageElement): boolean
  cloneNode(deep: boolean): PageElement
  getBoundingClientRect(): { readonly left: number }
  addEventListener(type: string, listener: (event: { readonly clientX: number }) => void): void
}

export type Page = {
  title: string
  createElement(tag: string): PageElement
  createElementNS(namespace: string, tag: string): PageElement
  getElementById(id: string): PageElement
}
