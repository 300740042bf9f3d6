"""Network architectures, one module per model family.

A family is two functions:

- ``space(hp, params)`` registers the hyperparameters of its search space with Keras Tuner;
- ``build(values, input_spec, params) -> keras.Model`` builds the network for given
  hyperparameters. It is pure: the same values, the same layers. The network takes inputs in the
  uint8 range (0…255), scales them itself, and is not compiled.
"""
