"""ONNX files, computed by onnxruntime.

files      reading a file: only data, bounded in size
network    a graph as a network
sessions   what onnxruntime computes
trace      rows and columns, followed through a graph
operators  what operators are called in the tables of how places move
resizing   which places Resize reads
exporting  a graph written down as plain layers
"""
