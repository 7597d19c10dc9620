"""Where does the traffic of a mesh cross zones, how evenly is it carried, and what does it cost?"""
