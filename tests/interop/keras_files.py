"""Keras, with PyTorch under it: it goes by names alone, to a zip archive with a model, or to HDF5."""

import os

os.environ.setdefault("KERAS_BACKEND", "torch")
# No settings are read, and none are written, as its import does.
os.environ.setdefault("KERAS_HOME", os.path.join(os.devnull, "keras"))

# A model with weights, made when the first file comes.
BUILT = []


def model(**options):
    """`.keras`, where `zipfile.is_zipfile` says yes; `.h5` and `.hdf5`."""

    def load(path, job):
        import keras

        return {"keras": type(keras.saving.load_model(path, **options)).__name__}

    return load


def weights(**options):
    """`.keras`, opened as a zip archive; `.weights.h5`, `.weights.json` and `.h5`."""

    def load(path, job):
        import keras

        keras.saving.load_weights(built(), path, **options)
        return {"keras": "weights"}

    return load


def editor(path, job):
    """`.keras` and `.weights.h5`, with no model."""
    import keras

    return {"keras": sorted(keras.saving.KerasFileEditor(path).weights_dict)}


def built():
    import keras

    if not BUILT:
        BUILT.append(keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]))
    return BUILT[0]
