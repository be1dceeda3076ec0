"""Real-time collaboration for JupyterLite: the prebuilt extension, and nothing that runs in Python."""


def _jupyter_labextension_paths():
    return [{"src": "labextension", "dest": "jupyterlite-webrtc"}]
