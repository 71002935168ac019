"""One file per runtime, each a `Graph`; `engine.runtime.load` chooses among them."""
