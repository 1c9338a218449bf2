"""ONNX files, computed by onnxruntime."""
