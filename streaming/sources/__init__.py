"""Where sound comes from: files, microphones, WebRTC. Each is an async iterator of Sound."""
