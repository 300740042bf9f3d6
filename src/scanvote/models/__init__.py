"""The networks, one page a family.

A family is two functions:

- ``space(hp, params)`` asks Keras Tuner for the choices that span its grid;
- ``build(values, brief, params) -> keras.Model`` makes the network of one point of it. It is
  pure: the same values, the same layers. The network takes uint8-range inputs (0…255),
  scales them itself, and is not compiled.
"""
