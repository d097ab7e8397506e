"""The contract `toolbeam.v1`, generated: see the .proto files in the folder `proto` of Toolbeam."""
